-- A recording of melt: one session in one SQLite file. Everything that a person asks for is plain SQL; only the samples
-- themselves are packed (chunks, tiles, axes, journal, orders: private to melt).
--
-- Times named *_ns are host-monotonic nanoseconds: they count from an arbitrary moment, the same for the whole file.
-- Times of samples (seconds.second, chunks) are the host's too, but of channels whose definition says own_clock: these are
-- on their device's clock, and table clock holds what was measured of it: host = device + offset. To tell local time:
--   SELECT datetime((t_ns - (SELECT value FROM session WHERE key = 'started_ns')
--                 + (SELECT value FROM session WHERE key = 'started_wall_ns')) / 1e9, 'unixepoch', 'localtime') ...
--
-- Try:  SELECT * FROM session;  SELECT * FROM devices;  SELECT * FROM turns;  SELECT * FROM readable_seconds LIMIT 20;

-- Who, when, how it ended. Keys: name, version (of melt), host, started_ns, started_wall_ns, ended_ns, ended_wall_ns,
-- end_reason, state (recording, ended, recovered), lost (what an interrupted recording may lack), commit_s, writer_*.
CREATE TABLE session (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- Every option that was in force.
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;

-- Devices in the order in which they appeared; "melt" is melt itself, its channels are its own cost. facts: JSON list of
-- [name, value] pairs, as the device told them when it was last opened. first_ns, first_event: its first state event.
CREATE TABLE devices (
    id INTEGER PRIMARY KEY, device TEXT UNIQUE NOT NULL, address TEXT, kind TEXT, model TEXT, os TEXT,
    simulated INTEGER, runtimes TEXT, facts TEXT, first_ns INTEGER, first_event INTEGER
);

-- What was measured, computed (provenance says from what) or derived on the way from what is recorded beside it. A channel that was announced anew with another meaning has
-- another row. definition: all of it as JSON, with the decoding from codes to values.
CREATE TABLE channels (
    id INTEGER PRIMARY KEY, device TEXT NOT NULL, name TEXT NOT NULL, quantity TEXT, unit TEXT, kind TEXT, rate_hz REAL,
    point TEXT, limit_value REAL, provenance TEXT, derived INTEGER, definition TEXT NOT NULL
);
-- From t_ns on the channel of that device and name is this one.
CREATE TABLE openings (id INTEGER PRIMARY KEY, t_ns INTEGER NOT NULL, channel INTEGER NOT NULL);

-- One row per channel and second of its own clock, in the channel's unit: second = floor(time / 1e9).
-- Of the last minute of a recording in progress there is none yet.
CREATE TABLE seconds (
    second INTEGER NOT NULL, channel INTEGER NOT NULL, n INTEGER NOT NULL, min REAL, mean REAL, max REAL,
    PRIMARY KEY (second, channel)
) WITHOUT ROWID;
CREATE VIEW readable_seconds AS
    SELECT second - (SELECT value FROM session WHERE key = 'started_ns') / 1000000000 AS s, device, name, unit, n,
           min, mean, max
    FROM seconds JOIN channels ON channels.id = seconds.channel;

-- Everything that happened, in the order in which it was published (id). kind names the event; run and turn are those it
-- belongs to; detail is all of it as JSON. Ticks (four a second) are kept with the samples.
CREATE TABLE events (
    id INTEGER PRIMARY KEY, t_ns INTEGER NOT NULL, device TEXT NOT NULL, kind TEXT NOT NULL, run TEXT, turn INTEGER,
    detail TEXT NOT NULL
);
CREATE INDEX events_by_time ON events (t_ns);
CREATE INDEX events_by_kind ON events (kind, t_ns);
CREATE INDEX events_by_device ON events (device, kind, t_ns);
CREATE INDEX events_by_run ON events (run, kind, t_ns) WHERE run IS NOT NULL;

-- One runtime, model and workload on one device. spec: JSON of all that was asked for.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL, device TEXT NOT NULL, runtime TEXT, model TEXT, quantisation TEXT,
    synthetic INTEGER, workload TEXT, build TEXT, backend TEXT, threads INTEGER, started_ns INTEGER, loaded_ns INTEGER,
    load_s REAL, ended_ns INTEGER, outcome TEXT, reason TEXT, spec TEXT
);

-- One prompt and its answer. purpose: measured or warmup. output_tokens counts the first token too. prompt_s and decode_s
-- are the engine's own report; observed_decode_s is from the arrivals of the first and the last token at this computer.
-- What nobody said is NULL.
CREATE TABLE turns (
    id INTEGER PRIMARY KEY, device TEXT NOT NULL, run TEXT NOT NULL, turn INTEGER NOT NULL, purpose TEXT,
    conversation INTEGER, prompt INTEGER, repetition INTEGER, context_tokens INTEGER, started_ns INTEGER,
    first_token_ns INTEGER, last_token_ns INTEGER, ended_ns INTEGER, ending TEXT, prompt_tokens INTEGER,
    cached_tokens INTEGER, output_tokens INTEGER, ttft_s REAL, prompt_s REAL, decode_s REAL, observed_decode_s REAL,
    approximate INTEGER, output_sha256 TEXT, detail TEXT
);
CREATE INDEX turns_by_run ON turns (run, turn);
CREATE INDEX turns_counted ON turns (run, purpose, ended_ns, turn);

-- What lasted: run, load, turn, prefill, decode, limit, outage. t1_ns NULL: it went on when last heard of.
CREATE TABLE intervals (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, device TEXT NOT NULL, t0_ns INTEGER NOT NULL, t1_ns INTEGER,
    label TEXT, run TEXT, event INTEGER NOT NULL
);
CREATE INDEX intervals_by_start ON intervals (t0_ns);

-- Measured offsets of device clocks: at device time t_ns, host = device + offset_ns, within +- uncertainty_ns. They hold
-- for the channels whose definition says own_clock; all other times are the host's.
CREATE TABLE clock (
    id INTEGER PRIMARY KEY, device TEXT NOT NULL, t_ns INTEGER NOT NULL, offset_ns INTEGER NOT NULL,
    uncertainty_ns INTEGER NOT NULL, origin TEXT
);

-- From t_ns on the meter measures what feeds that device, at this reference point.
CREATE TABLE wires (id INTEGER PRIMARY KEY, t_ns INTEGER NOT NULL, meter TEXT, feeds TEXT, point TEXT);

-- What people added later; only ever appended. kind name or tags: the last one counts.
CREATE TABLE annotations (
    id INTEGER PRIMARY KEY, wall_ns INTEGER NOT NULL, kind TEXT NOT NULL, t0_ns INTEGER, t1_ns INTEGER, device TEXT,
    channel TEXT, value TEXT NOT NULL
);

-- Private from here on: packed samples.
-- series: samples of one channel with codes of one type. base_ns: width of its finest summaries. ticks: the device whose
-- Tick events are kept here instead of in events; the code of each is the last event before it.
CREATE TABLE series (
    id INTEGER PRIMARY KEY, channel INTEGER, ticks TEXT, dtype TEXT NOT NULL, bulk INTEGER NOT NULL, base_ns INTEGER
);
-- chunks: blocks of one series, in order of publication; t0_ns and t1_ns bound their times.
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY, series INTEGER NOT NULL, t0_ns INTEGER NOT NULL, t1_ns INTEGER NOT NULL,
    axis INTEGER, data BLOB NOT NULL
);
CREATE INDEX chunks_by_time ON chunks (series, t0_ns, t1_ns);
-- axes: sample times that several chunks share.
CREATE TABLE axes (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
-- tiles: summaries in buckets of base_ns * 10^level.
CREATE TABLE tiles (
    id INTEGER PRIMARY KEY, series INTEGER NOT NULL, level INTEGER NOT NULL, t0_ns INTEGER NOT NULL,
    t1_ns INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE INDEX tiles_by_time ON tiles (series, level, t0_ns, t1_ns);
-- pyramid: of each level (-1: the chunks themselves) its longest row, the last row of the level below that it holds, and
-- the least t0_ns of its rows that the level above does not hold yet.
CREATE TABLE pyramid (
    series INTEGER NOT NULL, level INTEGER NOT NULL, longest_ns INTEGER NOT NULL, upto INTEGER NOT NULL,
    since_ns INTEGER NOT NULL, PRIMARY KEY (series, level)
) WITHOUT ROWID;
-- journal: one row per commit that is not compacted yet. orders: the order of publication of what is compacted.
CREATE TABLE journal (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
-- event_to, chunk_to, tile_to: the last rows that belong to it.
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, event_to INTEGER NOT NULL, chunk_to INTEGER NOT NULL, tile_to INTEGER NOT NULL,
    data BLOB NOT NULL
);
