package perfetto

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// schema has the messages and fields of Perfetto's definitions that a trace may have, with
// the numbers that are published: what isn't in it is found as an unknown field. A type
// that isn't a scalar is the name of a message; "[]" says that there may be several.
var schema = map[string][]struct {
	name   string
	number int32
	typ    string
}{
	"Trace": {{"packet", 1, "[]TracePacket"}},
	"TracePacket": {
		{"timestamp", 8, "uint64"}, {"trusted_packet_sequence_id", 10, "uint32"}, {"track_event", 11, "TrackEvent"},
		{"interned_data", 12, "InternedData"}, {"sequence_flags", 13, "uint32"}, {"track_descriptor", 60, "TrackDescriptor"},
	},
	"TrackDescriptor": {
		{"uuid", 1, "uint64"}, {"name", 2, "string"}, {"process", 3, "ProcessDescriptor"}, {"parent_uuid", 5, "uint64"},
		{"counter", 8, "CounterDescriptor"}, {"child_ordering", 11, "int32"}, {"sibling_order_rank", 12, "int32"},
	},
	"ProcessDescriptor": {{"pid", 1, "int32"}, {"process_name", 6, "string"}},
	"CounterDescriptor": {{"unit", 3, "int32"}},
	"TrackEvent": {
		{"debug_annotations", 4, "[]DebugAnnotation"}, {"type", 9, "int32"}, {"name_iid", 10, "uint64"}, {"track_uuid", 11, "uint64"},
		{"name", 23, "string"}, {"counter_value", 30, "int64"}, {"flow_ids", 47, "[]fixed64"}, {"terminating_flow_ids", 48, "[]fixed64"},
	},
	"DebugAnnotation": {
		{"name_iid", 1, "uint64"}, {"uint_value", 3, "uint64"}, {"string_value", 6, "string"}, {"string_value_iid", 17, "uint64"},
	},
	"InternedData": {
		{"event_names", 2, "[]EventName"}, {"debug_annotation_names", 3, "[]DebugAnnotationName"},
		{"debug_annotation_string_values", 29, "[]InternedString"},
	},
	"EventName":           {{"iid", 1, "uint64"}, {"name", 2, "string"}},
	"DebugAnnotationName": {{"iid", 1, "uint64"}, {"name", 2, "string"}},
	"InternedString":      {{"iid", 1, "uint64"}, {"str", 2, "bytes"}},
}

var scalars = map[string]descriptorpb.FieldDescriptorProto_Type{
	"uint64": descriptorpb.FieldDescriptorProto_TYPE_UINT64, "int64": descriptorpb.FieldDescriptorProto_TYPE_INT64,
	"uint32": descriptorpb.FieldDescriptorProto_TYPE_UINT32, "int32": descriptorpb.FieldDescriptorProto_TYPE_INT32,
	"fixed64": descriptorpb.FieldDescriptorProto_TYPE_FIXED64, "string": descriptorpb.FieldDescriptorProto_TYPE_STRING,
	"bytes": descriptorpb.FieldDescriptorProto_TYPE_BYTES,
}

// decode reads a trace by the schema.
func decode(t *testing.T, data []byte) protoreflect.Message {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{Name: new("trace.proto"), Syntax: new("proto2")}
	for name, fields := range schema {
		m := &descriptorpb.DescriptorProto{Name: new(name)}
		for _, f := range fields {
			d := &descriptorpb.FieldDescriptorProto{Name: new(f.name), Number: new(f.number), Label: new(descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL)}
			typ := f.typ
			if typ[0] == '[' {
				typ, d.Label = typ[2:], new(descriptorpb.FieldDescriptorProto_LABEL_REPEATED)
			}
			if scalar, ok := scalars[typ]; ok {
				d.Type = new(scalar)
			} else {
				d.Type, d.TypeName = new(descriptorpb.FieldDescriptorProto_TYPE_MESSAGE), new("."+typ)
			}
			m.Field = append(m.Field, d)
		}
		file.MessageType = append(file.MessageType, m)
	}
	of, err := protodesc.NewFile(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := dynamicpb.NewMessage(of.Messages().ByName("Trace"))
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	known(t, m)
	return m
}

// known checks that a message has no fields but those of the schema.
func known(t *testing.T, m protoreflect.Message) {
	t.Helper()
	if n := len(m.GetUnknown()); n != 0 {
		t.Fatalf("a %s has %d bytes in fields that the schema doesn't have", m.Descriptor().Name(), n)
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				known(t, v.List().Get(i).Message())
			}
		default:
			known(t, v.Message())
		}
		return true
	})
}

// get returns a field of a message, and whether it has it.
func get(m protoreflect.Message, name string) (protoreflect.Value, bool) {
	f := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	return m.Get(f), m.Has(f)
}

func num(m protoreflect.Message, name string) uint64 {
	v, ok := get(m, name)
	if !ok {
		return 0
	}
	switch x := v.Interface().(type) {
	case uint32:
		return uint64(x)
	case int32:
		return uint64(x)
	case int64:
		return uint64(x)
	}
	return v.Uint()
}
