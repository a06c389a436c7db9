"""What a client is told of chaos: nothing of processes that it may not know of."""

from procman.api.rest.chaos_endpoints import _info
from procman.services.chaos import Experiment
from procman.simulator.prediction import Judgement, Prediction, Step

STEPS = (Step(0.0, "web", "RUNNING", "EXITED"), Step(0.0, "secret", "RUNNING", "STOPPING", "with web"))


def test_what_depends_on_it_and_is_hidden_is_left_out_of_all_parts():
    """Also of the verdict: that a hidden process did otherwise is no news for this client."""
    judgements = [Judgement("web", True, "fine"), Judgement("secret", False, "expected STOPPED")]
    one = Experiment(
        "web", "kill", 0.0, ("web", "secret"), Prediction(STEPS, ends_master=False, is_whole=True),
        seen=list(STEPS), judgements=judgements, is_over=True,
    )  # fmt: skip
    assert "secret" in str(_info(one, None))
    assert _info(one, None)["as_expected"] is False
    told = _info(one, lambda name: name == "web")
    assert "secret" not in str(told)
    assert told["as_expected"] is True
    assert [step["namespec"] for step in told["expected"] + told["seen"]] == ["web", "web"]
