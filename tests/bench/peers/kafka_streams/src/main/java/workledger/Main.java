package workledger;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * Runs the fold `road` on Kafka Streams until all events are committed, and says how long it took.
 *
 * <p>Arguments: the guarantee (at_least_once, exactly_once_v2), the number of threads, and the
 * order: a JSON object with events, bootstrap_servers, topic, output_topic, schemas (a file: schema
 * id to Avro schema), line_schema (a file), state_dir, the pids to watch, and the result's file.
 */
public final class Main {
    /** A transaction has its price; Kafka's own default is 100 ms in transactions, 30 s without. */
    private static final int COMMIT_MS = 500;
    private static final int CACHE_BYTES = 64 << 20;
    private static final long POLL_MS = 10;

    private Main() { }

    public static void main(String[] arguments) throws Exception {
        JsonNode order = new ObjectMapper().readTree(arguments[2]);
        String group = order.get("output_topic").asText();
        Stopwatch stopwatch = new Stopwatch(order);
        var streams = new KafkaStreams(
            topology(order, stopwatch), settings(order, group, arguments[0], arguments[1]));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return null;
        });
        streams.start();
        try (Admin admin = Admin.create(Map.of(
                "bootstrap.servers", order.get("bootstrap_servers").asText()))) {
            while (!stopwatch.done(admin.listConsumerGroupOffsets(group)
                    .partitionsToOffsetAndMetadata().get())) {
                Thread.sleep(POLL_MS);
            }
        }
        streams.close();
    }

    private static Topology topology(JsonNode order, Stopwatch stopwatch) throws Exception {
        Map<Integer, Schema> schemas = new HashMap<>();
        var listed = new ObjectMapper().readTree(Path.of(order.get("schemas").asText()).toFile());
        listed.properties().forEach(entry -> schemas.put(
            Integer.valueOf(entry.getKey()), new Schema.Parser().parse(entry.getValue().toString())));
        var line = new Schema.Parser().parse(
            Files.readString(Path.of(order.get("line_schema").asText())));
        StoreBuilder<?> experts = Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(Road.EXPERTS), Serdes.String(), Expert.serde())
            .withCachingEnabled();
        StoreBuilder<?> applied = Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(Road.APPLIED), Serdes.Bytes(), Serdes.ByteArray());
        var topology = new Topology();
        topology.addSource("events", Serdes.String().deserializer(), new Avro.Reader(schemas),
            order.get("topic").asText());
        topology.addProcessor("road", () -> new Road(line, stopwatch::start), "events");
        topology.addStateStore(experts, "road");
        topology.addStateStore(applied, "road");
        topology.addSink("lines", order.get("output_topic").asText(),
            Serdes.String().serializer(), new Avro.Writer(line), "road");
        return topology;
    }

    private static Properties settings(
            JsonNode order, String group, String guarantee, String threads) {
        var settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, group);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG,
            order.get("bootstrap_servers").asText());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, order.get("state_dir").asText());
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, threads);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, COMMIT_MS);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
        settings.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.consumerPrefix("max.poll.records"), 5_000);
        settings.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
        settings.put(StreamsConfig.producerPrefix("batch.size"), 256 << 10);
        settings.put(StreamsConfig.producerPrefix("acks"), "all");
        return settings;
    }
}
