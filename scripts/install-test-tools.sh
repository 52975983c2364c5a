#!/usr/bin/env bash
# Installs what the tests use beyond Node: Java and Maven (to run Apache Kafka), mosquitto's clients, Chromium, and Paho
# for Python.
# Called by .ci/run and by hand; does only what is missing, so calling it again costs nothing.
#   Debian, Ubuntu and the like, as root: everything, by apt.
#   Elsewhere: Paho only, into .cache/paho; names the rest and exits with 1.
set -euo pipefail
cd "$(dirname "$0")/.."

paho='paho-mqtt==2.1.0'
venv='.cache/paho'

has() { command -v "$1" >/dev/null 2>&1; }
has_chromium() { has chromium || has chromium-browser || has google-chrome; }
java_is_recent() { has java && [ "$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')" -ge 17 ] 2>/dev/null; }
venv_works() { has python3 && python3 -c 'import venv, ensurepip' >/dev/null 2>&1; }
paho_works() { "$venv/bin/python" -c 'import paho.mqtt, sys; sys.exit(not paho.mqtt.__version__.startswith("2."))' >/dev/null 2>&1; }

# Prints what a command wrote only if it fails.
quietly() {
  local output
  if ! output=$("$@" 2>&1); then
    printf '%s\n' "$output"
    return 1
  fi
}

packages=()
java_is_recent || packages+=(java)
has mvn || packages+=(maven)
{ has mosquitto_pub && has mosquitto_sub; } || packages+=(mosquitto-clients)
has_chromium || packages+=(chromium)
paho_works || venv_works || packages+=(python3 python3-venv)

if [ ${#packages[@]} -gt 0 ] && has apt-get && [ "$(id -u)" = 0 ]; then
  echo "Installing ${packages[*]} …"
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-get -q update || echo 'apt-get update failed; trying with the package lists that are here.'
  # What is called java above goes by the version a release has.
  for java in openjdk-17-jre-headless openjdk-21-jre-headless default-jre-headless; do
    if apt-cache show "$java" >/dev/null 2>&1; then break; fi
  done
  quietly apt-get -q install -y --no-install-recommends "${packages[@]/#java/$java}" || echo 'apt-get could not install all of them.'
  hash -r
fi

if ! paho_works && venv_works; then
  echo "Installing $paho into $venv …"
  mkdir -p .cache
  quietly python3 -m venv --clear "$venv" && quietly "$venv/bin/python" -m pip install -q "$paho" || rm -rf "$venv"
fi

missing=()
java_is_recent || missing+=('Java 17 or newer')
has mvn || missing+=('Maven (mvn)')
{ has mosquitto_pub && has mosquitto_sub; } || missing+=('mosquitto_pub and mosquitto_sub')
has_chromium || missing+=('Chromium')
paho_works || missing+=("Python 3 with venv, and $paho in $venv")
if [ ${#missing[@]} -gt 0 ]; then
  echo 'Could not install, on this machine or without being root:'
  printf '  %s\n' "${missing[@]}"
  exit 1
fi
echo 'All tools of the tests are here.'
