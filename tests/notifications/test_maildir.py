"""A Maildir: each message is in it once, whole, and for nobody else."""

from __future__ import annotations

import itertools
import mailbox
import threading
from email import message_from_bytes
from pathlib import Path

import pytest

from notifications.mailers import MaildirMailer, Mailer, TemporaryFailure
from tests.support.smtp_server import MESSAGE, Server, plain, send


def kept(folder: Path) -> list[mailbox.MaildirMessage]:
    return list(mailbox.Maildir(folder, create=False))


def test_a_maildir_is_made_and_any_mail_reader_can_read_it(tmp_path: Path) -> None:
    mailer = MaildirMailer(tmp_path / "var" / "mail")
    with mailer.session():
        send(mailer)
    (message,) = kept(tmp_path / "var" / "mail")
    assert message["To"] == "principal@example.org"
    assert message.get_payload() == "Hello.\n.\n..two\n"
    assert message.get_subdir() == "new"


def test_only_the_owner_can_read_what_a_maildir_holds(tmp_path: Path) -> None:
    send(MaildirMailer(tmp_path / "mail"))
    (file,) = (tmp_path / "mail" / "new").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "mail" / "new").stat().st_mode & 0o077 == 0


def test_delivering_one_key_twice_leaves_one_message(tmp_path: Path) -> None:
    mailer = MaildirMailer(tmp_path)
    send(mailer)
    send(mailer)
    send(mailer, key="2")
    assert len(kept(tmp_path)) == 2


def test_a_message_that_a_reader_has_opened_is_not_delivered_again(tmp_path: Path) -> None:
    mailer = MaildirMailer(tmp_path)
    send(mailer)
    (file,) = (tmp_path / "new").iterdir()
    file.rename(tmp_path / "cur" / f"{file.name}:2,S")
    send(mailer)
    assert [message.get_subdir() for message in kept(tmp_path)] == ["cur"]


def test_a_maildir_mailer_shows_its_folder() -> None:
    assert repr(MaildirMailer(Path("/var/mail/out"))) == "MaildirMailer('/var/mail/out')"


def test_a_key_can_not_lead_out_of_the_maildir(tmp_path: Path) -> None:
    send(MaildirMailer(tmp_path / "mail"), key="../../escaped\x00")
    assert len(kept(tmp_path / "mail")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mail"]


def test_threads_that_deliver_one_key_at_once_leave_one_message(tmp_path: Path) -> None:
    mailer = MaildirMailer(tmp_path)
    start = threading.Barrier(8)

    def deliver() -> None:
        start.wait()
        send(mailer)

    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept(tmp_path)) == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_crash_before_the_rename_leaves_no_message_and_does_not_hinder_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailer = MaildirMailer(tmp_path)

    def power_cut(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", power_cut)
        with pytest.raises(KeyboardInterrupt):
            send(mailer)
    assert kept(tmp_path) == []
    send(mailer)
    assert len(kept(tmp_path)) == 1


def test_a_maildir_that_can_not_be_written_is_a_temporary_failure(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file, not a folder")
    with pytest.raises(TemporaryFailure, match="could not be written"):
        send(MaildirMailer(tmp_path / "mail"))


def test_a_full_disk_is_a_temporary_failure_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TemporaryFailure, match="No space left on device"):
        send(MaildirMailer(tmp_path))
    assert list((tmp_path / "tmp").iterdir()) == list((tmp_path / "new").iterdir()) == []


def test_both_mailers_are_what_the_outbox_expects(tmp_path: Path, server: Server) -> None:
    mailers: list[Mailer] = [MaildirMailer(tmp_path), plain(server)]
    for mailer, key in itertools.product(mailers, "12"):
        with mailer.session():
            send(mailer, key=key)
    assert message_from_bytes(MESSAGE)["To"] == kept(tmp_path)[0]["To"]
