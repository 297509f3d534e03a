package workledger;

import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** The fold `road`: a rate by expert and project, an amount, a running balance, a line an entry. */
final class Road implements Processor<String, GenericRecord, String, GenericRecord> {
    static final String EXPERTS = "experts";
    static final String APPLIED = "applied";
    private static final long MS_PER_HOUR = 3_600_000L;
    private static final byte[] SEEN = new byte[0];

    private final Schema line;
    private final Runnable onRecord;
    private ProcessorContext<String, GenericRecord> context;
    private KeyValueStore<String, Expert> experts;
    private KeyValueStore<Bytes, byte[]> applied;

    Road(Schema line, Runnable onRecord) {
        this.line = line;
        this.onRecord = onRecord;
    }

    @Override
    public void init(ProcessorContext<String, GenericRecord> context) {
        this.context = context;
        experts = context.getStateStore(EXPERTS);
        applied = context.getStateStore(APPLIED);
    }

    @Override
    public void process(Record<String, GenericRecord> record) {
        onRecord.run();
        GenericRecord event = record.value();
        byte[] eventId = ((GenericFixed) event.get("event_id")).bytes();
        if (applied.putIfAbsent(Bytes.wrap(eventId), SEEN) != null) {
            return;
        }
        switch (event.getSchema().getName()) {
            case "RateAgreed", "RateChanged" -> rateAgreed(record.key(), event);
            case "TimeEntryRecorded" -> timeEntryRecorded(record, event, eventId);
            default -> { }
        }
    }

    private Expert expertOf(String key) {
        Expert expert = experts.get(key);
        return expert == null ? new Expert() : expert;
    }

    private void rateAgreed(String key, GenericRecord event) {
        Expert expert = expertOf(key);
        expert.rates.put(event.get("project_id").toString(), new Expert.Rate(
            (Long) event.get("rate_minor_per_hour"), event.get("currency").toString()));
        experts.put(key, expert);
    }

    private void timeEntryRecorded(
            Record<String, GenericRecord> record, GenericRecord event, byte[] eventId) {
        String key = record.key();
        String project = event.get("project_id").toString();
        Expert expert = expertOf(key);
        Expert.Rate rate = expert.rates.getOrDefault(project, Expert.NO_RATE);
        long durationMs = ((Long) event.get("ended_at") - (Long) event.get("started_at")) / 1000;
        long amount = (2 * durationMs * rate.minorPerHour() + MS_PER_HOUR) / (2 * MS_PER_HOUR);
        expert.balanceMinor += amount;
        experts.put(key, expert);
        var place = context.recordMetadata().orElseThrow();
        GenericRecord made = new GenericData.Record(line);
        made.put("event_id", new GenericData.Fixed(line.getField("event_id").schema(), eventId));
        made.put("expert_id", key);
        made.put("project_id", project);
        made.put("entry_id", event.get("entry_id"));
        made.put("occurred_at", event.get("occurred_at"));
        made.put("duration_ms", durationMs);
        made.put("rate_minor_per_hour", rate.minorPerHour());
        made.put("amount_minor", amount);
        made.put("currency", rate.currency());
        made.put("balance_minor", expert.balanceMinor);
        made.put("topic", place.topic());
        made.put("partition", place.partition());
        made.put("offset", place.offset());
        made.put("number", 0);
        context.forward(record.withValue(made));
    }
}
