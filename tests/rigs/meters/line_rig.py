"""A meter that writes lines of text on a pty, a hundred a second, and hears nothing."""

from tests.rigs.meters.pty_end import Orders, PtyEnd, tell


def main() -> None:
    end, orders = PtyEnd(), Orders()
    tell(port=end.path)
    while not orders.over:
        orders.wait(0.01)
        end.received()
        end.send(b"3.9,0.5\r\n")
        end.flush()


if __name__ == "__main__":
    main()
