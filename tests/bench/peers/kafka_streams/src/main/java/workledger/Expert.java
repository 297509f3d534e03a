package workledger;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** What the fold keeps of an expert, and its bytes in RocksDB. */
final class Expert {
    static final Rate NO_RATE = new Rate(0, "");

    long balanceMinor;
    final Map<String, Rate> rates = new HashMap<>();

    /** Minor units an hour, and their currency. */
    record Rate(long minorPerHour, String currency) { }

    static Serde<Expert> serde() {
        return Serdes.serdeFrom((topic, expert) -> expert == null ? null : expert.toBytes(),
            (topic, bytes) -> bytes == null ? null : fromBytes(bytes));
    }

    private byte[] toBytes() {
        var bytes = new ByteArrayOutputStream(64);
        try (var out = new DataOutputStream(bytes)) {
            out.writeLong(balanceMinor);
            out.writeShort(rates.size());
            for (var entry : rates.entrySet()) {
                out.writeUTF(entry.getKey());
                out.writeLong(entry.getValue().minorPerHour());
                out.writeUTF(entry.getValue().currency());
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return bytes.toByteArray();
    }

    private static Expert fromBytes(byte[] bytes) {
        var expert = new Expert();
        try (var in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            expert.balanceMinor = in.readLong();
            for (int left = in.readShort(); left > 0; left--) {
                expert.rates.put(in.readUTF(), new Rate(in.readLong(), in.readUTF()));
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return expert;
    }
}
