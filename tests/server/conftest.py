from __future__ import annotations

import pytest
from support.ann import Ann
from support.dovecot import Dovecot


@pytest.fixture
def ann(dovecot: Dovecot) -> Ann:
    return Ann(dovecot)
