"""Evidence of one run, as one JSON: the verdict, every number behind it, and the source of each."""

from tinysine.evidence.document import SCHEMA, Document, to_document
from tinysine.evidence.files import STDOUT, add_findings, check_writable, write_document, write_evidence
from tinysine.evidence.reading import document_of, from_document, read_evidence
from tinysine.evidence.run import Run, fault_record, identity_record, link_record, utc_now
from tinysine.evidence.values import (
    BoardFacts,
    DataFacts,
    DeviceFacts,
    EndFacts,
    Ends,
    ErrorRecord,
    Evidence,
    Json,
    Provenance,
    Tool,
)

__all__ = [
    "SCHEMA",
    "STDOUT",
    "BoardFacts",
    "DataFacts",
    "DeviceFacts",
    "Document",
    "EndFacts",
    "Ends",
    "ErrorRecord",
    "Evidence",
    "Json",
    "Provenance",
    "Run",
    "Tool",
    "add_findings",
    "check_writable",
    "document_of",
    "fault_record",
    "from_document",
    "identity_record",
    "link_record",
    "read_evidence",
    "to_document",
    "utc_now",
    "write_document",
    "write_evidence",
]
