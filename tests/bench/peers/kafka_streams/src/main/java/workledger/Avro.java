package workledger;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/** Avro as the ledger's topics hold it: a zero byte, the schema's id, the body. */
final class Avro {
    private static final int HEADER_BYTES = 5;

    private Avro() { }

    /** Reads events of many types. All threads share it, so each has a decoder of its own. */
    static final class Reader implements Deserializer<GenericRecord> {
        private final Map<Integer, GenericDatumReader<GenericRecord>> readers = new HashMap<>();
        private final ThreadLocal<BinaryDecoder> decoders = new ThreadLocal<>();

        Reader(Map<Integer, Schema> schemas) {
            schemas.forEach((id, schema) -> readers.put(id, new GenericDatumReader<>(schema)));
        }

        @Override
        public GenericRecord deserialize(String topic, byte[] value) {
            int id = ByteBuffer.wrap(value).getInt(1);
            BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(
                value, HEADER_BYTES, value.length - HEADER_BYTES, decoders.get());
            decoders.set(decoder);
            try {
                return readers.get(id).read(null, decoder);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }

    /** Writes lines without a header: the output topic holds one kind. */
    static final class Writer implements Serializer<GenericRecord> {
        private final GenericDatumWriter<GenericRecord> writer;
        private final ThreadLocal<BinaryEncoder> encoders = new ThreadLocal<>();

        Writer(Schema schema) {
            writer = new GenericDatumWriter<>(schema);
        }

        @Override
        public byte[] serialize(String topic, GenericRecord line) {
            var bytes = new ByteArrayOutputStream(256);
            BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, encoders.get());
            encoders.set(encoder);
            try {
                writer.write(line, encoder);
                encoder.flush();
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            return bytes.toByteArray();
        }
    }
}
