#!/bin/sh
# Makes an authority of your own (tls/ca.crt) and a key for localhost that it vouches for (tls/localhost.p12).
# For trying things out: what is to last belongs into the hands of an authority that others know.
set -eu
cd "$(dirname "$0")"
mkdir -p tls
cd tls

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
  -subj "/CN=Example authority" -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.crt

openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout localhost.key -out localhost.csr
echo "subjectAltName=DNS:localhost,IP:127.0.0.1" > localhost.ext
openssl x509 -req -in localhost.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile localhost.ext -out localhost.crt

openssl pkcs12 -export -name localhost -in localhost.crt -inkey localhost.key -passout "pass:${KEYS_PASSWORD:-example}" -out localhost.p12
rm localhost.csr localhost.ext localhost.crt localhost.key
