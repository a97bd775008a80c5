-- Format 2: the stated accuracy of a channel. The true value lies within +- (accuracy_gain * |value| + accuracy_offset), both
-- as the maker of the meter states them, accuracy_offset in the channel's unit; NULL where nobody states one.
ALTER TABLE channels ADD COLUMN accuracy_gain REAL;
ALTER TABLE channels ADD COLUMN accuracy_offset REAL;
-- Table session has two keys more where power was measured: joules_per_token, the mean energy for each decode token over the
-- turns of the first run that count, and joules_per_token_point, the reference point of that.
