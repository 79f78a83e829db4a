// Shows the API's description, where each operation can be tried. Swagger UI does the work: static/vendor/swagger-ui.

/* global SwaggerUIBundle */

const root = document.documentElement;
const place = document.getElementById("operations");
const wish = matchMedia("(prefers-color-scheme: dark)");

// Swagger UI knows its dark colours by a class.
function followTheme() {
  const theme = root.dataset.theme;
  root.classList.toggle("dark-mode", theme ? theme === "dark" : wish.matches);
}

wish.addEventListener("change", followTheme);
followTheme();

SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  // A badge of somebody else's server would be asked for otherwise.
  validatorUrl: null,
  layout: "BaseLayout",
});
