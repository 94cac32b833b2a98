"""Publishing, against a Hub in memory: every way in which it can go wrong, and what stays behind."""

import httpx2  # what huggingface_hub is built on
import pytest
from huggingface_hub import HfApi

from tests.hub import READ, STRANGER, WRITE
from train.hub import Hub, HubError, check_name


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "README.md").write_text("---\nlicense: other\n---\n")
    (tmp_path / "model.safetensors").write_bytes(b"weights" * 100)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "predictions.parquet").write_bytes(b"table" * 100)
    return tmp_path


NAMES = {"README.md", "model.safetensors", "report/predictions.parquet", ".gitattributes"}


def test_one_commit_and_nothing_twice(hub, api, folder):
    visit = Hub("ann/faces", api=api)
    done = visit.commit(folder, "first", private=True)
    repo = hub.repos["model", "ann/faces"]
    assert done.is_new
    assert done.url == f"{hub.url}/ann/faces"
    assert [commit.title for commit in repo.commits] == ["initial commit", "first"]
    assert set(repo.commits[-1].files) == NAMES
    assert repo.private
    again = visit.commit(folder, "second")
    assert (again.commit, again.is_new) == (done.commit, False)
    assert len(repo.commits) == 2
    assert len(hub.uploads) == 2
    (folder / "README.md").write_text("---\nlicense: other\n---\nmore\n")
    assert visit.commit(folder, "third").is_new
    assert len(hub.uploads) == 2  # the weights had not changed


def test_an_organisation_is_ours_too(api, folder):
    assert Hub("lab/faces", api=api).commit(folder, "first").is_new


def test_a_commit_takes_away_what_is_gone(hub, api, folder):
    visit = Hub("ann/page", repo_type="space", api=api)
    visit.commit(folder, "first")
    (folder / "model.safetensors").unlink()
    visit.commit(folder, "second", stale={"model.safetensors", "README.md", "never there"})
    assert set(hub.repos["space", "ann/page"].commits[-1].files) == NAMES - {"model.safetensors"}


def test_a_tag_is_made_once_and_never_moved(hub, api, folder):
    visit = Hub("ann/faces", api=api)
    first = visit.commit(folder, "first").commit
    visit.tag("v1.0", first)
    visit.tag("v1.0", first)
    assert hub.repos["model", "ann/faces"].tags == {"v1.0": first}
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    with pytest.raises(HubError, match="another commit"):
        visit.tag("v1.0", visit.commit(folder, "second").commit)


def test_a_pull_request_changes_nothing_by_itself(hub, api, folder):
    hub.create("bob/faces")
    done = Hub("bob/faces", must_own=False, api=api).commit(folder, "a proposal", pr=True)
    repo = hub.repos["model", "bob/faces"]
    assert done.url == f"{hub.url}/bob/faces/discussions/1"
    assert len(repo.commits) == 1
    assert repo.pulls[0].title == "a proposal"


@pytest.mark.parametrize(
    ("token", "message"),
    [(None, "No Hugging Face token"), ("hf_wrongwrongwrong", "wrong or has expired"), (STRANGER, "logged in as bob")],
)
def test_who_may_not(hub, folder, token, message):
    with pytest.raises(HubError, match=message) as caught:
        Hub("ann/faces", api=HfApi(endpoint=hub.url, token=token)).commit(folder, "first")
    assert not hub.repos
    assert "hf_" not in str(caught.value)


def test_a_token_that_may_only_read(hub, folder):
    with pytest.raises(HubError, match="may not write"):
        Hub("ann/faces", api=HfApi(endpoint=hub.url, token=READ)).commit(folder, "first")
    assert not hub.repos


@pytest.mark.parametrize(
    "name", ["faces", "ann/", "ann/fa ces", "ann/faces/more", "ann/-faces", "a" * 100 + "/x", "ann/é"]
)
def test_names_that_are_not_allowed(name):
    with pytest.raises(HubError, match="USER/NAME"):
        check_name(name)


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        *(("create", "drop"), ("validate", 500), ("preupload", 429), ("batch", "drop"), ("put", 500), ("verify", 429)),
        ("commit", "drop"),
    ],
)
def test_whatever_breaks_nothing_half_published_stays(hub, api, folder, step, fault):
    hub.faults[step] = fault
    with pytest.raises(HubError, match="again") as caught:
        Hub("ann/faces", api=api).commit(folder, "first")
    assert not hub.repos  # the repository that it had made is gone as well
    assert "Traceback" not in str(caught.value)
    hub.faults.clear()
    assert Hub("ann/faces", api=api).commit(folder, "first").is_new


@pytest.mark.parametrize("step", ["preupload", "put", "commit"])
def test_what_was_there_before_stays_as_it_was(hub, api, folder, step):
    visit = Hub("ann/faces", api=api)
    before = visit.commit(folder, "first").commit
    (folder / "model.safetensors").write_bytes(b"others" * 100)
    hub.faults[step] = "drop"
    with pytest.raises(HubError):
        visit.commit(folder, "second")
    repo = hub.repos["model", "ann/faces"]
    assert repo.commits[-1].oid == before
    assert repo.commits[-1].files["model.safetensors"] == b"weights" * 100


def test_an_answer_that_is_lost_is_found_by_running_again(hub, api, folder):
    visit = Hub("ann/faces", api=api)
    visit.commit(folder, "first")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    hub.faults["commit"] = "lose"
    with pytest.raises(HubError, match="run the command again"):
        visit.commit(folder, "second")
    hub.faults.clear()
    assert not visit.commit(folder, "second").is_new
    assert len(hub.repos["model", "ann/faces"].commits) == 3


def test_someone_else_was_quicker(hub, api, folder):
    visit = Hub("ann/faces", api=api)
    visit.commit(folder, "first")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    repo = hub.repos["model", "ann/faces"]
    hub.before["commit"] = lambda: repo.add("someone else's", {"theirs.txt": b"1"})
    with pytest.raises(HubError, match="changed by someone else"):
        visit.commit(folder, "second")
    assert repo.commits[-1].title == "someone else's"


def test_a_public_repository_does_not_pass_for_a_private_one(hub, api, folder):
    hub.create("ann/faces")
    with pytest.raises(HubError, match="public already"):
        Hub("ann/faces", api=api).commit(folder, "first", private=True)
    assert len(hub.repos["model", "ann/faces"].commits) == 1


def test_a_repository_whose_making_was_not_answered_goes_too(hub, api, folder):
    hub.faults["create"] = "lose"
    with pytest.raises(HubError):
        Hub("ann/faces", api=api).commit(folder, "first")
    assert not hub.repos


def test_what_someone_else_made_in_between_is_not_taken_away(hub, api, folder):
    hub.before["create"] = lambda: hub.create("ann/faces").add("theirs", {"theirs.txt": b"1"})
    with pytest.raises(HubError, match="name is taken"):
        Hub("ann/faces", api=api).commit(folder, "first")
    assert hub.repos["model", "ann/faces"].commits[-1].title == "theirs"


def test_what_could_not_be_taken_away_is_said(hub, api, folder):
    hub.faults |= {"commit": 500, "delete": 403}
    with pytest.raises(HubError, match="empty ann/faces may have been left"):
        Hub("ann/faces", api=api).commit(folder, "first")


def test_stopped_by_hand_nothing_stays(hub, api, folder):
    def stop():
        raise KeyboardInterrupt

    visit = Hub("ann/faces", api=api)
    visit.api.create_commit = lambda *args, **options: stop()
    with pytest.raises(KeyboardInterrupt):
        visit.commit(folder, "first")
    assert not hub.repos


def test_a_pull_request_needs_something_to_change(hub, api, folder):
    with pytest.raises(HubError, match="no ann/faces"):
        Hub("ann/faces", must_own=False, api=api).commit(folder, "a proposal", pr=True)
    assert not hub.repos


@pytest.mark.parametrize("name", ["v 1", "v1~", "-v1", "a..b", ""])
def test_names_of_tags_are_checked_first(api, name):
    with pytest.raises(HubError, match="no name of a tag"):
        Hub("ann/faces", api=api).check_tag(name)


def test_metadata_that_the_hub_refuses_is_said(api, folder):
    (folder / "README.md").write_text("---\ntags: []\n---\n")
    with pytest.raises(HubError, match="no licence"):
        Hub("ann/faces", api=api).commit(folder, "first")


def test_a_hub_out_of_reach_is_said(hub):
    with pytest.raises(HubError, match=r"connection to http://127\.0\.0\.1:9 broke"):
        Hub("ann/faces", api=HfApi(endpoint="http://127.0.0.1:9", token=WRITE))


def test_the_clients_http_library_is_the_one_whose_errors_are_known():
    from train.hub import HTTPError

    assert issubclass(httpx2.ConnectError, HTTPError)
