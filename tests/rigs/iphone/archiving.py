"""NSKeyedArchiver: object graphs as Apple's tools pass them, a binary plist of objects that point at each other."""

import plistlib
from dataclasses import dataclass, field
from typing import Any

ROOTS = {
    "NSDictionary": ["NSDictionary", "NSObject"],
    "NSArray": ["NSArray", "NSObject"],
    "NSDate": ["NSDate", "NSObject"],
    "NSError": ["NSError", "NSObject"],
    "NSNull": ["NSNull", "NSObject"],
    "DTSysmonTapMessage": ["DTSysmonTapMessage", "DTTapMessage", "NSObject"],
    "DTTapHeartbeatMessage": ["DTTapHeartbeatMessage", "DTTapMessage", "NSObject"],
}
COCOA_EPOCH = 978307200.0


@dataclass(frozen=True)
class Thing:
    """An object of a class by its name, and what is coded of it."""

    name: str
    coded: dict[str, Any] = field(default_factory=dict)


def date(wall: float) -> Thing:
    """A moment, given in seconds of Unix time."""
    return Thing("NSDate", {"NS.time": wall - COCOA_EPOCH})


def error(domain: str, code: int, sentence: str) -> Thing:
    return Thing(
        "NSError", {"NSDomain": domain, "NSCode": code, "NSUserInfo": {"NSLocalizedDescription": sentence}}
    )


def archive(value: Any) -> bytes:
    """``value`` (None, numbers, texts, bytes, lists, dicts, Things) as an archive."""
    packer = Packer()
    top = packer.put(value)
    whole = {
        "$archiver": "NSKeyedArchiver",
        "$version": 100_000,
        "$objects": packer.objects,
        "$top": {"root": top},
    }
    return plistlib.dumps(whole, fmt=plistlib.FMT_BINARY, sort_keys=False)


class Packer:
    """Puts values into the table of objects, classes and equal texts once."""

    def __init__(self) -> None:
        self.objects: list[Any] = ["$null"]
        self.classes: dict[str, plistlib.UID] = {}
        self.texts: dict[str, plistlib.UID] = {}

    def put(self, value: Any) -> plistlib.UID:
        if value is None:
            return plistlib.UID(0)
        if isinstance(value, str) and value in self.texts:
            return self.texts[value]
        at = plistlib.UID(len(self.objects))
        if isinstance(value, str):
            self.texts[value] = at
        if isinstance(value, (str, int, float, bytes)):
            self.objects.append(value)
            return at
        self.objects.append(None)
        self.objects[at.data] = self.coded(value)
        return at

    def coded(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Thing):
            inner = {name: self.inline(one) for name, one in value.coded.items()}
            return {**inner, "$class": self.kind(value.name)}
        if isinstance(value, dict):
            keys = [self.put(key) for key in value]
            values = [self.put(one) for one in value.values()]
            return {"NS.keys": keys, "NS.objects": values, "$class": self.kind("NSDictionary")}
        assert isinstance(value, (list, tuple)), value
        return {"NS.objects": [self.put(one) for one in value], "$class": self.kind("NSArray")}

    def inline(self, value: Any) -> Any:
        """Numbers stand in an object itself, everything else by reference."""
        return value if isinstance(value, (int, float)) else self.put(value)

    def kind(self, name: str) -> plistlib.UID:
        if name not in self.classes:
            self.classes[name] = plistlib.UID(len(self.objects))
            self.objects.append({"$classes": ROOTS[name], "$classname": name})
        return self.classes[name]


def unarchive(data: bytes) -> Any:
    """What was archived; objects of classes other than collections and texts as Things. ValueError when it is none."""
    try:
        whole = plistlib.loads(data)
        return take(whole["$objects"], whole["$top"]["root"])
    except (plistlib.InvalidFileException, KeyError, TypeError, IndexError, RecursionError) as bad:
        raise ValueError(f"no archive: {bad!r}") from None


def take(objects: list[Any], at: Any) -> Any:
    """What stands at that place of the table, or is no reference."""
    if not isinstance(at, plistlib.UID):
        return at
    found = objects[at.data] if at.data else None
    return of_class(objects, found) if isinstance(found, dict) else found


def of_class(objects: list[Any], found: dict[str, Any]) -> Any:
    name = objects[found["$class"].data]["$classname"].replace("Mutable", "")
    if name == "NSDictionary":
        keys = [take(objects, one) for one in found["NS.keys"]]
        return dict(zip(keys, [take(objects, one) for one in found["NS.objects"]], strict=True))
    if name in {"NSArray", "NSSet"}:
        return [take(objects, one) for one in found["NS.objects"]]
    if name in {"NSString", "NSData"}:
        return found[name.replace("NS", "NS.").lower().replace("ns", "NS")]
    return Thing(name, {key: take(objects, one) for key, one in found.items() if key != "$class"})
