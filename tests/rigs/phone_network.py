"""A phone's ``ip``, as strict as iproute2: it answers what it is asked, and nothing else."""

from pathlib import Path

ON_WLAN0 = "31: wlan0    inet 127.0.0.1/24 brd 127.0.0.255 scope global wlan0\\       valid_lft forever preferred_lft forever"
LOOPBACK = "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever"
MOBILE = "17: rmnet_data1    inet 10.37.12.9/30 scope global rmnet_data1\\       valid_lft forever preferred_lft forever"
MOBILE_ROUTE = "default via 10.37.12.10 dev rmnet_data1 table 1017 proto static mtu 1500"


def write_ip(folder: Path, *addresses: str, routes: tuple[str, ...] = ()) -> None:
    """Put it into a phone's ``system/bin``."""
    folder.mkdir(parents=True, exist_ok=True)
    of_all = "\n".join((LOOPBACK, *addresses))
    by_name = "\n".join(
        f"*' {line.split()[1]}') cat <<'END'\n{line}\nEND\n;;" for line in (LOOPBACK, *addresses)
    )
    path = folder / "ip"
    path.unlink(missing_ok=True)
    path.write_text(f"""#!/system/bin/sh
case "$*" in
'-4 -o addr show') cat <<'END'
{of_all}
END
;;
'-4 -o addr show '*) case "$*" in
{by_name}
*) echo "Device \\"$5\\" does not exist." >&2; exit 1;;
esac;;
'-4 route show table all') cat <<'END'
{chr(10).join(routes)}
END
;;
'-4 route show') : ;;
*) echo "Usage: ip [ OPTIONS ] OBJECT {{ COMMAND | help }}" >&2; exit 255;;
esac
""")
    path.chmod(0o755)
