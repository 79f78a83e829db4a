"""The API's description by OpenAPI 3.1, built from the schemas and the routes, and the page that shows it."""
