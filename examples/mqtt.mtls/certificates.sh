#!/bin/sh
# Makes an authority of your own (tls/ca.crt), and what it vouches for: a key for localhost and one for a device, in PEM.
# For trying things out: what is to last belongs into the hands of an authority that others know.
set -eu
cd "$(dirname "$0")"
mkdir -p tls
cd tls

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
  -subj "/CN=Example authority" -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.crt

# name, extensions
issue() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
  echo "$2" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile "$1.ext" -out "$1.crt"
  rm "$1.csr" "$1.ext"
}
issue localhost "subjectAltName=DNS:localhost,IP:127.0.0.1"
issue device-1 "extendedKeyUsage=clientAuth"
