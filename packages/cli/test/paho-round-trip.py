"""Subscribes, publishes 20 messages of QoS 1 on three topics, prints what comes back. Arguments: port, version."""

import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

COUNT = 20
WAIT_SECONDS = 20

port, version = int(sys.argv[1]), sys.argv[2]
protocol = mqtt.MQTTv5 if version == "5" else mqtt.MQTTv311
received = []
subscribed, complete = threading.Event(), threading.Event()

client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=protocol)


def on_message(_client, _userdata, message):
    received.append(f"{message.topic} {message.payload.decode()} {message.qos}")
    if len(received) == COUNT:
        complete.set()


client.on_connect = lambda c, *_: c.subscribe("paho/+", qos=1)
client.on_subscribe = lambda *_: subscribed.set()
client.on_message = on_message
client.connect("127.0.0.1", port)
client.loop_start()
if not subscribed.wait(WAIT_SECONDS):
    sys.exit("no SUBACK")
for at in range(COUNT):
    client.publish(f"paho/{at % 3}", f"m{at}", qos=1).wait_for_publish(WAIT_SECONDS)
if not complete.wait(WAIT_SECONDS):
    sys.exit(f"only {len(received)} came back")
client.disconnect()
client.loop_stop()
# Order is promised per topic, not across topics.
print("\n".join(sorted(received, key=lambda line: int(line.split(" m")[1].split()[0]))))
