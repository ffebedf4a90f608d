import io

from evals.progress import Meter


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_rate_and_time_left_are_of_what_this_process_did():
    now = [0.0]
    stream = io.StringIO()
    meter = Meter("suite", stream, lambda: now[0])
    meter(41, 100)  # forty were answered before a resume
    assert stream.getvalue() == ""
    now[0] = 10.0
    meter(60, 100, 2)
    assert stream.getvalue() == "suite 60/100, 2.0/s, 20 s left, 2 failed\n"
    now[0] = 15.0
    meter(70, 100)
    assert stream.getvalue().count("\n") == 1


def test_a_terminal_has_one_line_that_is_cleared():
    now = [0.0]
    stream = Terminal()
    meter = Meter("suite", stream, lambda: now[0])
    for done in range(1, 200):
        now[0] = done / 20
        meter(done, 1000)
    meter.close()
    assert "\n" not in stream.getvalue()
    assert "suite 199/1000" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")
