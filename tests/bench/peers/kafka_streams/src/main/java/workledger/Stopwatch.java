package workledger;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** Measures as `tests/bench/stopwatch.py` does: from the first event to the last durable one. */
final class Stopwatch {
    private static final double TICKS_PER_SECOND = 100;

    private final JsonNode order;
    private volatile double[] started;
    private volatile double[] half;

    Stopwatch(JsonNode order) {
        this.order = order;
    }

    /** Events have been read; only the first call counts. */
    void start() {
        if (started == null) {
            started = now();
        }
    }

    /** These offsets are committed; answers whether that is all, and then writes the result. */
    boolean done(Map<TopicPartition, OffsetAndMetadata> committed) {
        var upto = new TreeMap<String, Long>();
        long events = 0;
        for (var entry : committed.entrySet()) {
            if (entry.getValue() != null) {
                events += entry.getValue().offset();
                upto.put(String.valueOf(entry.getKey().partition()), entry.getValue().offset() - 1);
            }
        }
        long wanted = order.get("events").asLong();
        double[] now = now();
        if (half == null && events >= wanted / 2) {
            half = new double[] {now[0], events};
        }
        if (events < wanted) {
            return false;
        }
        double rest = now[0] - half[0];
        write(Map.of(
            "events", events,
            "seconds", now[0] - started[0],
            "events_per_second_warm", rest > 0 ? (events - half[1]) / rest : 0.0,
            "cpu_seconds", now[1] - started[1],
            "engine_cpu_seconds", now[2] - started[2],
            "broker_cpu_seconds", now[3] - started[3],
            "upto", upto,
            "steps", Map.of()));
        return true;
    }

    private void write(Map<String, Object> measured) {
        try {
            Files.write(Path.of(order.get("result").asText()),
                new ObjectMapper().writeValueAsBytes(measured));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private double[] now() {
        var own = (com.sun.management.OperatingSystemMXBean)
            ManagementFactory.getOperatingSystemMXBean();
        return new double[] {
            System.nanoTime() / 1e9,
            own.getProcessCpuTime() / 1e9,
            cpuSeconds(order.get("engine_pid").asText()),
            cpuSeconds(order.get("broker_pid").asText()),
        };
    }

    private static double cpuSeconds(String pid) {
        try {
            String stat = Files.readString(Path.of("/proc", pid, "stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / TICKS_PER_SECOND;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
