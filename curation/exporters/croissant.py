"""Croissant 1.1 with RAI 1.0: croissant.json, which catalogues and mlcroissant read.

Reads the facts of a version and its shards; yields one FileObject a shard with its SHA-256 and its absolute address by tag
(never ``main``: that client's cache does not expire; never the commit: the manifest lists this file), and one RecordSet a
shard. A FileSet of Parquet over HTTP does not load in mlcroissant 1.1.1, therefore there is none. The conditions of use stand
in ``usageInfo``: terms of DUO where they truly fit, and the rules as an ODRL offer; ``license`` is that offer, since use is by
agreement.

Source: Croissant 1.1 (2026-01-29), Croissant RAI 1.0 (2024-03-06), spelling of the RAI names from croissant_rai.ttl.
"""

from collections.abc import Mapping, Sequence

from curation.exporters._facts import Column, Facts, File, shards_of
from governance.kernel.digests import canonical
from governance.kernel.words import _
from governance.odrl.duo_terms import NAMES
from governance.odrl.usage import defined_term, offer

TITLE = _("Croissant")
STAGE = "document"
PATH = "croissant.json"

CONTEXT: dict[str, object] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
TYPES = {
    "string": "sc:Text",
    "int64": "sc:Integer",
    "float64": "sc:Float",
    "bool": "sc:Boolean",
    "class_label": "sc:Integer",
    "class_labels": "sc:Integer",
    "floats": "sc:Float",
}


def render(facts: Facts, files: Sequence[File]) -> bytes:
    """Return croissant.json for ``facts`` with the shards among ``files``, as canonical JSON."""
    return canonical(build(facts, files))


def tombstone(facts_name: str, message: str) -> dict[str, object]:
    """Return a document that makes mlcroissant print ``message``: it ignores the HTTP status of the JSON-LD it fetches."""
    return {"@context": CONTEXT, "@type": "sc:Dataset", "name": facts_name, "conformsTo": [message]}


def build(facts: Facts, files: Sequence[File]) -> dict[str, object]:
    """Return the document as plain JSON values."""
    distribution, records = [], []
    for config, columns in facts.configs.items():
        for split, shards in shards_of(tuple(files), config).items():
            for index, shard in enumerate(shards):
                distribution.append(_file(facts, shard))
                if config == "default":
                    name = split if len(shards) == 1 else f"{split}-{index:05d}"
                    records.append(_records(name, shard, columns))
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": facts.dataset,
        "alternateName": facts.title,
        "description": facts.description or facts.title,
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "license": f"{facts.page}#rules",
        "url": facts.page,
        "version": f"{facts.version}.0.0",
        "datePublished": facts.frozen_at[:10],
        "isLiveDataset": False,
        "citeAs": f"{facts.community_title}. {facts.title}, version {facts.version}. {facts.page}",
        "creator": {"@type": "sc:Organization", "name": facts.community_title},
        **({"inLanguage": facts.language} if facts.language else {}),
        "conditionsOfAccess": "By agreement for a stated purpose; decided anew at each request.",
        "usageInfo": _usage(facts),
        "rai:dataCollection": "Given by members of the community under recorded consent.",
        "rai:dataUseCases": list(facts.purposes),
        **({"rai:dataLimitations": list(facts.warnings)} if facts.warnings else {}),
        "rai:dataReleaseMaintenancePlan": "A version never changes. A withdrawal closes it and is told to everyone who "
        "pulled it; the next version leaves those samples out.",
        **(
            {"prov:wasDerivedFrom": {"@id": f"{facts.page}/versions/{facts.predecessor}/"}} if facts.predecessor else {}
        ),
        "distribution": distribution,
        "recordSet": records,
    }


def _usage(facts: Facts) -> list[Mapping[str, object]]:
    """The conditions: DUO's terms where they truly fit, our purposes as terms, and the rules as an offer."""
    duo: list[Mapping[str, object]] = [defined_term(NAMES[code]) for code in facts.duo]
    terms: list[Mapping[str, object]] = [
        {"@type": "sc:DefinedTerm", "name": purpose, "termCode": purpose, "inDefinedTermSet": "urn:wellhouse:purpose"}
        for purpose in facts.purposes
    ]
    rules = offer(
        facts.policy, uid=f"{facts.page}#rules", assigner=f"{facts.public_url}/communities/{facts.community}/"
    )
    described = {
        "name": "Usage policy",
        "version": str(facts.policy_revision),
        "url": facts.address("policy.odrl.json"),
    }
    return [*duo, *terms, {**rules, **described}]


def _file(facts: Facts, shard: File) -> dict[str, object]:
    """One shard as a FileObject."""
    return {
        "@type": "cr:FileObject",
        "@id": shard.path,
        "name": shard.path.split("/")[-1],
        "contentUrl": facts.address(shard.path),
        "contentSize": f"{shard.size} B",
        "encodingFormat": "application/x-parquet",
        "sha256": shard.sha256,
    }


def _records(name: str, shard: File, columns: Sequence[Column]) -> dict[str, object]:
    """The rows of one shard as a RecordSet."""
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "key": {"@id": f"{name}/sample_id"},
        "field": [_field(name, shard, column) for column in columns],
    }


def _field(name: str, shard: File, column: Column) -> dict[str, object]:
    """One column as a Field; lists say so."""
    described = column.description
    if column.names:
        described += " " + ", ".join(f"{i} = {label}" for i, label in enumerate(column.names))
    return {
        "@type": "cr:Field",
        "@id": f"{name}/{column.name}",
        "name": column.name,
        **({"description": described.strip()} if described.strip() else {}),
        "dataType": TYPES[column.kind],
        **({"isArray": True, "arrayShape": "-1"} if column.kind in ("class_labels", "floats") else {}),
        "source": {"fileObject": {"@id": shard.path}, "extract": {"column": column.name}},
    }
