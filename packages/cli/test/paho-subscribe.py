"""Subscribes with QoS 2 in a session that lasts, prints `SUBACK`, then a line a message. Arguments: port, version, client id, filter.

Has a will; SIGTERM makes it leave with DISCONNECT.
"""

import signal
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

LIFE_SECONDS = 120

port, version, client_id, topic_filter = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
# Blocked before Paho's thread begins, so that only sigtimedwait gets it.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def say(line):
    print(line, flush=True)


if version == "5":
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
    lasting = Properties(PacketTypes.CONNECT)
    lasting.SessionExpiryInterval = 600
    options = {"clean_start": False, "properties": lasting}
else:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False, protocol=mqtt.MQTTv311)
    options = {}
client.will_set("wills", f"will-of-{client_id}", qos=2)
client.on_connect = lambda c, *_: c.subscribe(topic_filter, qos=2)
client.on_subscribe = lambda *_: say("SUBACK")
client.on_message = lambda _client, _userdata, message: say(f"got {message.payload.decode()} {message.qos}")
client.connect("127.0.0.1", port, **options)
client.loop_start()
signal.sigtimedwait([signal.SIGTERM], LIFE_SECONDS)
client.disconnect()
client.loop_stop()
