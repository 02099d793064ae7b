"""The messages that Microsoft's Python worker takes from the Functions host and gives back, as protobuf: what can't be encoded is refused
here as it would be in Azure. They never leave this process, so their members' numbers are of no account.

Source: Azure/azure-functions-language-worker-protobuf, src/proto/FunctionRpc.proto.
"""

from types import SimpleNamespace

MESSAGES = """
StatusResult status=StatusResult.Status result=string exception=RpcException
RpcException source=string stack_trace=string message=string is_user_exception=bool type=string
WorkerMetadata runtime_name=string runtime_version=string worker_version=string worker_bitness=string custom_properties=map:string
WorkerInitRequest host_version=string capabilities=map:string worker_directory=string function_app_directory=string
WorkerInitResponse worker_version=string capabilities=map:string result=StatusResult worker_metadata=WorkerMetadata
BindingInfo type=string direction=BindingInfo.Direction data_type=BindingInfo.DataType properties=map:string
RpcRetryOptions max_retry_count=int32
RpcFunctionMetadata name=string directory=string script_file=string entry_point=string bindings=map:BindingInfo is_proxy=bool \
status=StatusResult language=string raw_bindings=list:string function_id=string managed_dependency_enabled=bool retry_options=RpcRetryOptions \
properties=map:string
FunctionMetadataResponse function_metadata_results=list:RpcFunctionMetadata result=StatusResult \
use_default_metadata_indexing=bool
NullableString value=string
NullableBool value=bool
NullableDouble value=double
NullableTimestamp value=.google.protobuf.Timestamp
RpcHttpCookie name=string value=string domain=NullableString path=NullableString expires=NullableTimestamp secure=NullableBool \
http_only=NullableBool same_site=RpcHttpCookie.SameSite max_age=NullableDouble
RpcHttp method=string url=string headers=map:string body=TypedData params=map:string status_code=string query=map:string \
enable_content_negotiation=bool cookies=list:RpcHttpCookie
CollectionString string=list:string
CollectionBytes bytes=list:bytes
TypedData data|string=string json=string bytes=bytes http=RpcHttp int=sint64 double=double collection_bytes=CollectionBytes \
collection_string=CollectionString
ParameterBinding name=string rpc_data|data=TypedData
RpcTraceContext trace_parent=string trace_state=string attributes=map:string
RetryContext retry_count=int32 max_retry_count=int32 exception=RpcException
InvocationRequest invocation_id=string function_id=string input_data=list:ParameterBinding trigger_metadata=map:TypedData \
trace_context=RpcTraceContext retry_context=RetryContext
InvocationResponse invocation_id=string output_data=list:ParameterBinding return_value=TypedData result=StatusResult
"""
"""A message a line: its name, and its members with their types. ``data|``: of the members that follow only one is there."""
ENUMS = {
    "StatusResult.Status": ("Failure", "Success", "Cancelled"),
    "BindingInfo.Direction": ("in", "out", "inout"),
    "BindingInfo.DataType": ("undefined", "string", "binary", "stream"),
    "RpcHttpCookie.SameSite": ("None", "Lax", "Strict", "ExplicitNone"),
}
_SCALARS = {"double": 1, "int32": 5, "bool": 8, "string": 9, "bytes": 12, "sint64": 18}
_PACKAGE = "worker"


def messages() -> SimpleNamespace:
    """The classes of the messages, each by its name."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

    file = descriptor_pb2.FileDescriptorProto(
        name="worker.proto", package=_PACKAGE, syntax="proto3", dependency=[timestamp_pb2.DESCRIPTOR.name]
    )
    for line in MESSAGES.strip().splitlines():
        name, *members = line.split()
        message = file.message_type.add(name=name)
        for enum, values in ENUMS.items():
            if enum.startswith(f"{name}."):
                kind = message.enum_type.add(name=enum.partition(".")[2])
                for number, value in enumerate(values):
                    kind.value.add(name=value, number=number)
        for number, member in enumerate(members, 1):
            _add(message, number, member)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    classes = {one.name: pool.FindMessageTypeByName(f"{_PACKAGE}.{one.name}") for one in file.message_type}
    return SimpleNamespace(**{name: message_factory.GetMessageClass(found) for name, found in classes.items()})


def _add(message: object, number: int, member: str) -> None:
    """Add a member to a message's descriptor."""
    from google.protobuf import descriptor_pb2

    assert isinstance(message, descriptor_pb2.DescriptorProto)
    group, _, rest = member.rpartition("|")
    name, _, kind = rest.partition("=")
    many, _, kind = kind.rpartition(":")
    if group:
        message.oneof_decl.add(name=group)
    field = message.field.add(name=name, number=number, label=3 if many else 1)
    if many == "map":
        entry = message.nested_type.add(name="".join(part.capitalize() for part in name.split("_")) + "Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=1, type=9)
        _set_type(entry.field.add(name="value", number=2, label=1), kind)
        field.type, field.type_name = 11, f".{_PACKAGE}.{message.name}.{entry.name}"
    else:
        _set_type(field, kind)
        if message.oneof_decl:
            field.oneof_index = 0


def _set_type(field: object, kind: str) -> None:
    from google.protobuf import descriptor_pb2

    assert isinstance(field, descriptor_pb2.FieldDescriptorProto)
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = 14 if kind in ENUMS else 11
        field.type_name = kind if kind.startswith(".") else f".{_PACKAGE}.{kind}"
