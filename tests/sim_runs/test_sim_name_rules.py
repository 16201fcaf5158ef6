"""Rules for names that are set and taken back, with a sync that could not look in between."""

from __future__ import annotations

from sim.faulty import ANSWERS
from support.storied import Story

from mailsync.model.layout import Layout
from mailsync.model.naming import NameRule, NameRules

RULES = NameRules((NameRule("Work", "Job"),))


def test_a_mailbox_that_comes_back_under_its_old_name_is_listed_anew() -> None:
    """Its messages were found under the new one meanwhile, and its directory was kept."""
    with Story("rules", layout=Layout.MAILDIRPP) as story:
        story.server.create("Work")
        for ghost in "ab":
            story.serve("Work", ghost)
        story.tell()
        story.tell()
        directory = story.oracle.directory("Work")
        story.fs.mkdir(f"{directory}/notes")
        story.change(mailbox_names=RULES)
        story.server.witness.renamed("Work", "Job")
        story.server.fault("UID FETCH", ANSWERS["NO [NOPERM]"])
        assert story.tell().exit == 3
        ran = story.tell()
        assert "messages or other files in it by now" in ran.text
        assert "not at rest" not in ran.text, "that is tried once a run"
        story.idle(exit=3)
        story.change(mailbox_names=NameRules())
        story.server.witness.renamed("Job", "Work")
        story.tell()
        story.idle()
        story.agree({"Work": "a b"})
        assert story.fs.stat(f"{directory}/notes")
