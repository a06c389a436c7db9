"""The sink that keeps nothing."""

from procman.logs.sink import Null, Sink


def test_the_null_sink_loses_nothing():
    """Output that is configured to be dropped does not count as lost."""
    sink: Sink = Null()
    assert sink.write(b"x")
    assert (sink.lost, sink.path, sink.problem, sink.ready) == (0, None, None, True)
