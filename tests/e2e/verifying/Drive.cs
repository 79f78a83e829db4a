// Judges the cases on standard input by the functions of docs/webhooks.md, which lie beside this file.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;

var verdicts = JsonDocument.Parse(Console.In.ReadToEnd()).RootElement.EnumerateArray().Select(Judge).ToList();
Console.Write(JsonSerializer.Serialize(verdicts));

static bool Judge(JsonElement it)
{
    var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
    foreach (var header in it.GetProperty("headers").EnumerateObject())
    {
        headers[header.Name] = header.Value.GetString()!;
    }
    var body = it.GetProperty("body").GetBytesFromBase64();
    var secret = it.GetProperty("secret");
    return it.GetProperty("scheme").GetString() switch
    {
        "cryptlex" => SlipwayWebhooks.VerifyCryptlex(secret.GetString()!, headers, body),
        "standard" => SlipwayWebhooks.VerifyStandard(secret.GetString()!, headers, body),
        _ => SlipwayWebhooks.VerifyAsymmetric(
            secret.EnumerateArray().Select(key => key.GetProperty("x").GetString()!), headers, body),
    };
}
