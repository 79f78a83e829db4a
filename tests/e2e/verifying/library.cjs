// Has the requests on standard input judged by the public library in JavaScript; NODE_PATH says where it lies.
const { readFileSync } = require("node:fs");
const { Webhook } = require("standardwebhooks");

const judge = ({ secret, headers, body }) => {
  try {
    new Webhook(secret).verify(Buffer.from(body, "base64").toString("utf8"), headers);
    return true;
  } catch (error) {
    return error.message;
  }
};
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(judge)));
