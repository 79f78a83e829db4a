<?php

// Judges the cases on standard input by the functions of docs/webhooks.md, which lie beside this file.
require __DIR__ . '/webhooks.php';

$verdicts = [];
foreach (json_decode(file_get_contents('php://stdin'), true) as $case) {
    $verdicts[] = "verify_{$case['scheme']}"($case['secret'], $case['headers'], base64_decode($case['body']));
}
echo json_encode($verdicts);
