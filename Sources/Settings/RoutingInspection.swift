// How shall statements be routed?

import Routing

extension Inspection {
    mutating func routing(_ table: Table, defaults: RoutingSettings) -> RoutingSettings {
        var settings = defaults
        settings.mode = choice("mode", in: table, ["split": .split, "advise": .advise]) ?? settings.mode
        settings.consistency =
            choice(
                "consistency", in: table,
                [
                    "session": .session, "eventual": .eventual, "monotonic": .monotonic, "global": .global,
                    "primary": .primary,
                ]) ?? settings.consistency
        settings.maxLag = duration("max_lag", in: table) ?? settings.maxLag
        settings.loadBalance =
            choice(
                "load_balance", in: table,
                [
                    "least_outstanding": .leastOutstanding, "round_robin": .roundRobin, "random": .random,
                    "latency": .latency,
                ]) ?? settings.loadBalance
        settings.primaryReads =
            choice("primary_reads", in: table, ["fallback": .fallback, "always": .always, "never": .never])
            ?? settings.primaryReads
        let fallbacks: KeyValuePairs<String, ReadFallback> = [
            "primary": .primary, "wait": .wait, "error": .error,
        ]
        settings.readFallback = choice("read_fallback", in: table, fallbacks) ?? settings.readFallback
        settings.readerFallback = choice("reader_fallback", in: table, fallbacks) ?? settings.readerFallback
        settings.nodeFunctions =
            choice("node_functions", in: table, ["any": .any, "primary": .primary]) ?? settings.nodeFunctions
        settings.afterWrite =
            choice("after_write", in: table, ["primary": .primary, "wait": .wait]) ?? settings.afterWrite
        settings.afterWriteWait = duration("after_write_wait", in: table) ?? settings.afterWriteWait
        settings.lazyBegin = boolean("lazy_begin", in: table) ?? settings.lazyBegin
        settings.splitTransactions = boolean("split_transactions", in: table) ?? settings.splitTransactions
        settings.failoverWait = duration("failover_wait", in: table) ?? settings.failoverWait
        settings.maxBufferedBatch =
            size("max_buffered_batch", in: table, 0...(16 << 20)) ?? settings.maxBufferedBatch
        settings.readRetries = integer("read_retries", in: table, 0...16) ?? settings.readRetries
        return settings
    }
}
