"""The search for a configuration file."""

from procman.config import discovery


def test_the_first_file_of_the_search_path_is_found(tmp_path, monkeypatch):
    """Procman's names are searched for before supervisor's, the current directory before its subdirectories."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(discovery, "SEARCH", tuple(path for path in discovery.SEARCH if path.startswith(".")))
    assert discovery.find_config() is None
    (tmp_path / "supervisord.conf").touch()
    assert discovery.find_config() == "./supervisord.conf"
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "procman.toml").touch()
    assert discovery.find_config() == "./conf/procman.toml"
    (tmp_path / "procman.toml").touch()
    assert discovery.find_config() == "./procman.toml"
