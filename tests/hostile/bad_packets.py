"""Socket.IO packets that no honest peer sends. They are thrown at our server by packets.py and at
our client by bad_server.py: the same decoder must hold in both places.

Each is (name, messages): text messages are Socket.IO packets without the leading `4`, bytes are
attachments. The event they try to smuggle in is `bad`."""


def nested(depth, inner=""):
    return "[" * depth + inner + "]" * depth


def objects(depth):
    return '{"a":' * depth + "1" + "}" * depth


def placeholder(num):
    return f'["bad",{{"_placeholder":true,"num":{num}}}]'


# These are no packets, whoever sends them: the connection ends, and nothing is delivered.
FATAL = [
    ("no type", [""]),
    ("type 7", ['7["bad"]']),
    ("type 9", ['9["bad"]']),
    ("a letter", ['x["bad"]']),
    ("a NUL", ['\x00["bad"]']),
    # CVE-2023-32695: the name of an event must be a name.
    ("event without arguments", ["2"]),
    ("event with an object", ["2{}"]),
    ("event with a string", ['2"bad"']),
    ("event with null", ["2null"]),
    ("empty event", ["2[]"]),
    ("name is an object", ["2[{}]"]),
    ("name is an object with toString", ['2[{"toString":"foo"}]']),
    ("name is an array", ['2[["bad"]]']),
    ("name is null", ["2[null]"]),
    ("name is true", ["2[true]"]),
    ("name is false", ["2[false]"]),
    ("name is a placeholder", ['51-[{"_placeholder":true,"num":0}]', b"bad"]),
    # The names that the library itself uses.
    ("reserved connect", ['2["connect","bad"]']),
    ("reserved connect_error", ['2["connect_error","bad"]']),
    ("reserved disconnect", ['2["disconnect","bad"]']),
    ("reserved disconnecting", ['2["disconnecting","bad"]']),
    ("reserved newListener", ['2["newListener","bad"]']),
    ("reserved removeListener", ['2["removeListener","bad"]']),
    # JSON, RFC 8259
    ("cut JSON", ['2["bad"']),
    ("cut string", ['2["bad']),
    ("text behind", ['2["bad"]x']),
    ("bracket behind", ['2["bad"]]']),
    ("trailing comma", ['2["bad",]']),
    ("single quotes", ["2['bad']"]),
    ("comment", ['2["bad"/**/]']),
    ("NaN", ['2["bad",NaN]']),
    ("leading zero", ['2["bad",01]']),
    ("plus", ['2["bad",+1]']),
    ("hexadecimal", ['2["bad",0x1]']),
    ("bare point", ['2["bad",1.]']),
    ("control byte in a string", ['2["bad","\x01"]']),
    ("raw NUL in a string", ['2["bad\x00"]']),
    ("bad escape", ['2["bad","\\x41"]']),
    ("cut escape", ['2["bad","\\u12"]']),
    ("member without a value", ['2["bad",{"a"}]']),
    ("member without a name", ['2["bad",{1:2}]']),
    # Acknowledgements: identifiers are digits, and fit a double.
    ("negative id", ['2-1["bad"]']),
    ("id with a plus", ['2+1["bad"]']),
    ("id beyond 2^53", ['29007199254740993["bad"]']),
    ("id beyond 2^64", ['218446744073709551617["bad"]']),
    ("id of a million digits", ["2" + "9" * 900000 + '["bad"]']),
    ("acknowledgement with an object", ["31{}"]),
    ("acknowledgement without an array", ['31"bad"']),
    # CVE-2020-36049, CVE-2026-33151, CVE-2026-69185: the number of attachments.
    ("no number of attachments", ['5-["bad"]']),
    ("no attachments", ['50-["bad"]']),
    ("no dash", ['51["bad"]']),
    ("11 attachments", ["511-" + placeholder(0)]),
    ("10^9 attachments", ["51000000000-" + placeholder(0)]),
    ("2^32+1 attachments", ["54294967297-" + placeholder(0)]),
    ("2^64+1 attachments", ["518446744073709551617-" + placeholder(0)]),
    ("1.5 attachments", ["51.5-" + placeholder(0)]),
    ("-1 attachments", ["5-1-" + placeholder(0)]),
    ("1e1 attachments", ["51e1-" + placeholder(0)]),
    ("a million digits of attachments", ["5" + "1" * 900000 + "-[]"]),
    ("acknowledgement with 11 attachments", ['611-1[{"_placeholder":true,"num":0}]']),
    # CVE-2022-2421: which attachment stands in a place.
    ("placeholder -1", ["51-" + placeholder(-1), b"x"]),
    ("placeholder 1 of 1", ["51-" + placeholder(1), b"x"]),
    ("placeholder 10", ["51-" + placeholder(10), b"x"]),
    ("placeholder 1e300", ["51-" + placeholder("1e300"), b"x"]),
    ("placeholder 2^32", ["51-" + placeholder(2**32), b"x"]),
    ("placeholder 2^64", ["51-" + placeholder(2**64), b"x"]),
    ("placeholder 0.5", ["51-" + placeholder(0.5), b"x"]),
    ("placeholder text", ["51-" + placeholder('"splice"'), b"x"]),
    ("placeholder text 0", ["51-" + placeholder('"0"'), b"x"]),
    ("placeholder null", ["51-" + placeholder("null"), b"x"]),
    ("placeholder object", ["51-" + placeholder('{"valueOf":0}'), b"x"]),
    ("placeholder without a number", ['51-["bad",{"_placeholder":true}]', b"x"]),
    ("text for an attachment", ["51-" + placeholder(0), '2["bad"]']),
    ("attachment of nothing", [b"x"]),
    ("attachment behind an event", ['2["message"]', b"x"]),
    # Nesting, the limit is 256.
    ("20000 objects deep", [f'2["bad",{objects(20000)}]']),
    ("100000 arrays deep", [f'2["bad",{nested(100000)}]']),
    ("100000 open brackets", ["2" + "[" * 100000]),
    ("257 arrays deep", ["2" + '["bad",' + nested(256) + "]"]),
]
