"""Publishes each line of its input with QoS 2 and ends when the last one is complete. Arguments: port, version, topic."""

import sys

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

WAIT_SECONDS = 30

port, version, topic = int(sys.argv[1]), sys.argv[2], sys.argv[3]
client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5 if version == "5" else mqtt.MQTTv311)
client.connect("127.0.0.1", port)
client.loop_start()
sent = [client.publish(topic, line, qos=2) for line in sys.stdin.read().splitlines()]
for message in sent:
    message.wait_for_publish(WAIT_SECONDS)
    if not message.is_published():
        sys.exit("no PUBCOMP")
client.disconnect()
client.loop_stop()
