"""The vocabulary of purposes: what covers what."""

import pytest

from governance.odrl.purposes import CLOSED, STANDARD, Purpose


def test_the_table_has_no_loose_ends() -> None:
    for purpose in STANDARD.terms.values():
        assert all(upper in STANDARD for upper in purpose.broader)
        assert "use" in STANDARD.broader(purpose.code)


def test_a_branch_covers_what_lies_below_it_and_nothing_beside_it() -> None:
    covered = STANDARD.covered(["research"])

    assert {"research", "language-research", "health-research"} <= covered
    assert not covered & {"teaching", "speech-recognition", "use"}


def test_only_the_most_specific_terms_are_leaves() -> None:
    assert STANDARD.is_leaf("teaching")
    assert not STANDARD.is_leaf("research")
    assert not STANDARD.is_leaf("world-domination")
    assert set(CLOSED) <= set(STANDARD.leaves)


def test_a_community_adds_a_leaf_below_a_term() -> None:
    ours = STANDARD.with_leaves([Purpose("song-books", ("teaching",), "song books")])

    assert "song-books" in ours.covered(["teaching"])
    assert ours.is_leaf("song-books")
    assert not ours.is_leaf("teaching")
    assert "song-books" not in STANDARD


@pytest.mark.parametrize(
    "leaf", [Purpose("teaching", ("use",), "x"), Purpose("new", ("nowhere",), "x"), Purpose("n", (), "x")]
)
def test_a_community_cannot_move_what_stands_or_hang_a_leaf_in_the_air(leaf: Purpose) -> None:
    with pytest.raises(ValueError, match="purpose"):
        STANDARD.with_leaves([leaf])


def test_research_maps_to_dpv_by_whether_money_is_earned() -> None:
    assert STANDARD.dpv("language-research", commercial=False) == "dpv:NonCommercialResearch"
    assert STANDARD.dpv("language-research", commercial=True) == "dpv:CommercialResearch"
    assert STANDARD.dpv("teaching", commercial=False) == "dpv:Purpose"
    assert STANDARD.dpv("nobody-knows", commercial=False) is None


def test_duo_is_named_only_where_it_fits_exactly() -> None:
    assert STANDARD.duo("research") == "DUO:0000042"
    assert STANDARD.duo("language-research") is None
