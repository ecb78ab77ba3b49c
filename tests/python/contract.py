"""The client's side of the contract, generated from the .proto files for this one test run."""

import importlib
import pathlib
import sys
import tempfile

from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


def generate(folder: tempfile.TemporaryDirectory):
    """Returns the modules of messages (`pb`), events, and the client (`rpc`)."""
    files = sorted(str(path.relative_to(PROTO)) for path in PROTO.glob("sortie/v1/*.proto"))
    assert files, f"no .proto files in {PROTO}"
    well_known = pathlib.Path(protoc.__file__).parent / "_proto"
    into = [f"--python_out={folder.name}", f"--grpc_python_out={folder.name}"]
    failed = protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", *into, *files])
    assert not failed, "protoc refuses the .proto files"
    sys.path.insert(0, folder.name)
    names = ["coordinator_pb2", "event_pb2", "coordinator_pb2_grpc"]
    return [importlib.import_module(f"sortie.v1.{name}") for name in names]
