"""What one run did and saw, as one JSON: the verdict, every number behind it, and where each came from."""

from tinysine.evidence.document import SCHEMA, to_document
from tinysine.evidence.files import STDOUT, check_writable, write_document, write_evidence
from tinysine.evidence.run import Run, fault_record, identity_record, link_record, utc_now
from tinysine.evidence.values import BoardFacts, DataFacts, ErrorRecord, Evidence, Json, Provenance, Tool

__all__ = [
    "SCHEMA",
    "STDOUT",
    "BoardFacts",
    "DataFacts",
    "ErrorRecord",
    "Evidence",
    "Json",
    "Provenance",
    "Run",
    "Tool",
    "check_writable",
    "fault_record",
    "identity_record",
    "link_record",
    "to_document",
    "utc_now",
    "write_document",
    "write_evidence",
]
