// Judges the cases on standard input by the functions of docs/webhooks.md, which lie in the folder webhooks.
package main

import (
	"encoding/json"
	"net/http"
	"os"

	"verifying/webhooks"
)

type Case struct {
	Scheme  string            `json:"scheme"`
	Secret  json.RawMessage   `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body"`
}

func judge(it Case) bool {
	headers := http.Header{}
	for name, value := range it.Headers {
		headers.Set(name, value)
	}
	var keys []webhooks.Key
	var secret string
	if it.Scheme == "asymmetric" {
		check(json.Unmarshal(it.Secret, &keys))
		return webhooks.VerifyAsymmetric(keys, headers, it.Body)
	}
	check(json.Unmarshal(it.Secret, &secret))
	if it.Scheme == "standard" {
		return webhooks.VerifyStandard(secret, headers, it.Body)
	}
	return webhooks.VerifyCryptlex(secret, headers, it.Body)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	var cases []Case
	check(json.NewDecoder(os.Stdin).Decode(&cases))
	verdicts := []bool{}
	for _, it := range cases {
		verdicts = append(verdicts, judge(it))
	}
	check(json.NewEncoder(os.Stdout).Encode(verdicts))
}
