"""Digests against what others published: the Certificate Transparency reference tree and the example of RFC 8785."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.kernel import digests

# The eight leaves and roots of google/certificate-transparency, merkletree/merkle_tree_test.cc; also used by Trillian.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# Published paths of the same test: (leaf index, size, path) and (first, second, path).
INCLUSION = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
]
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_certificate_transparency_reference(size: int) -> None:
    assert digests.root_of(LEAVES[:size]) == ROOTS[size - 1]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert digests.root_of([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_inclusion_paths_are_the_published_ones(index: int, size: int, path: list[str]) -> None:
    hashes = [digests.leaf_hash(leaf) for leaf in LEAVES[:size]]

    proof = digests.inclusion_proof(index, hashes)

    assert [step.hex() for step in proof] == path
    assert digests.verify_inclusion(index, size, hashes[index], proof, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("first", "second", "path"), CONSISTENCY)
def test_consistency_paths_are_the_published_ones(first: int, second: int, path: list[str]) -> None:
    hashes = [digests.leaf_hash(leaf) for leaf in LEAVES[:second]]

    proof = digests.consistency_proof(first, hashes)

    assert [step.hex() for step in proof] == path
    root1, root2 = (bytes.fromhex(ROOTS[size - 1]) for size in (first, second))
    assert digests.verify_consistency(first, second, root1, root2, proof)


@given(st.integers(1, 70), st.data())
def test_every_proof_of_every_size_holds_and_no_other_leaf_passes(size: int, data: st.DataObject) -> None:
    hashes = [digests.leaf_hash(bytes([n])) for n in range(size)]
    root = digests.subtree(hashes)
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1))
    first = data.draw(st.integers(1, size))

    proof = digests.inclusion_proof(index, hashes)
    consistency = digests.consistency_proof(first, hashes)

    assert digests.verify_inclusion(index, size, hashes[index], proof, root)
    assert digests.verify_inclusion(index, size, hashes[other], proof, root) == (other == index)
    assert digests.verify_consistency(first, size, digests.subtree(hashes[:first]), root, consistency)
    forged = digests.subtree([*hashes[: first - 1], digests.leaf_hash(b"forged")])
    assert not digests.verify_consistency(first, size, forged, root, consistency)


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_tree_goes_on_from_its_frontier(before: int, after: int) -> None:
    hashes = [digests.leaf_hash(bytes([n])) for n in range(before + after)]
    tree = digests.Tree()
    for hashed in hashes[:before]:
        tree.append(hashed)

    resumed = digests.Tree(tree._frontier)
    for hashed in hashes[before:]:
        resumed.append(hashed)

    assert (resumed.size, resumed.root) == (len(hashes), digests.subtree(hashes))


def test_canonical_json_is_that_of_rfc_8785() -> None:
    given = json.loads(
        r'{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],'
        r'"string":"\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}'.replace("\\'", "'")
    )

    text = digests.canonical(given).decode()

    assert text == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_a_sample_keeps_its_identity_and_differs_by_every_part() -> None:
    uids = {
        digests.sample_uid(*parts)
        for parts in (("d", "file.csv", "1"), ("d", "file.csv", "2"), ("d", "other.csv", "1"), ("e", "file.csv", "1"))
    }

    assert len(uids) == 4
    assert digests.sample_uid("d", "file.csv", "1") in uids
