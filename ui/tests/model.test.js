import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Series, WINDOW_MS } from '../web/series.js';
import { createModel } from '../web/model.js';

const release = (name, address) => ({
	id: `apps/hello-${name}-80/containers`,
	release: name,
	endpoints: [{ address, healthy: true, in_flight: 0 }],
	activity: { requests_per_second: 1, error_share: 0, p95_ms: 5 },
});
const state = (seq, more = {}) => ({
	app: 'hello',
	seq,
	stable: release('1.0.0', '127.0.0.1:9001'),
	candidate: null,
	draining: [],
	blend: 0,
	updated: { command: 'blend', actor: 'maria', at: seq * 1000 },
	...more,
});

function modelAt(time = { now: 1000 }) {
	return { time, model: createModel(() => time.now) };
}

test('an older state never replaces a newer one', () => {
	const { model } = modelAt();
	model.takeState(state(7));
	assert.equal(model.takeState(state(6)), false);
	assert.equal(model.app('hello').seq, 7);
});

test('after a reconnect the router decides, even when its seq is lower', () => {
	const { model } = modelAt();
	model.setConnection({ state: 'live' });
	model.takeState(state(7), { fromStream: true });
	model.setConnection({ state: 'lost' });
	model.setConnection({ state: 'live' });
	model.takeState(state(2), { fromStream: true });
	assert.equal(model.app('hello').seq, 2);
	assert.equal(model.takeState(state(1), { fromStream: true }), false);
});

test('activity is laid over the known state, by release id and by address', () => {
	const { model } = modelAt();
	model.takeState(state(7));
	model.takeActivity({
		app: 'hello',
		releases: { 'apps/hello-1.0.0-80/containers': { requests_per_second: 42 } },
		endpoints: { '127.0.0.1:9001': { healthy: false, in_flight: 3 } },
		shares: { configured: 0, drawn: 1 },
	});
	const { stable, shares } = model.app('hello');
	assert.equal(stable.activity.requests_per_second, 42);
	assert.deepEqual(stable.endpoints[0], { address: '127.0.0.1:9001', healthy: false, in_flight: 3 });
	assert.equal(shares.drawn, 1);
	model.takeActivity({ app: 'unknown', releases: {} });
	assert.equal(model.app('unknown'), null);
});

test('a list replaces what is no longer in it', () => {
	const { model } = modelAt();
	model.takeState(state(7));
	model.takeApps({ apps: [{ ...state(1), app: 'shop' }], default_app: 'shop' });
	assert.deepEqual(
		model.apps().map(({ app }) => app),
		['shop'],
	);
	assert.equal(model.facts.loaded, true);
});

test('every change is told once, and each seq is marked once', () => {
	const { model } = modelAt();
	let told = 0;
	const stop = model.subscribe(() => {
		told += 1;
	});
	model.takeState(state(7));
	model.takeState(state(8));
	model.addMark('hello', { seq: 8, command: 'blend', at: 8000 });
	assert.equal(told, 2);
	assert.deepEqual(
		model.marks('hello').map(({ seq }) => seq),
		[8],
	);
	stop();
	model.takeState(state(9));
	assert.equal(told, 2);
});

test('a lost connection leaves a gap in the figures and makes the page stale', () => {
	const { model, time } = modelAt();
	model.setConnection({ state: 'live' });
	model.takeState(state(7), { fromStream: true });
	assert.equal(model.isStale(), false);
	time.now = 2000;
	model.setConnection({ state: 'lost', reason: 'test' });
	assert.equal(model.isStale(), true);
	assert.equal(model.facts.connection.since, 2000);
	const series = model.series('hello');
	assert.equal(series.length, 2);
	assert.ok(Number.isNaN(series.value(1, 'stable', 'rate')));
});

test('a series is bounded and keeps the newest', () => {
	const series = new Series(10);
	for (let at = 0; at < 25; at += 1) series.push(at * 1000, { requests_per_second: at, error_share: 0, p95_ms: null }, null);
	assert.equal(series.length, 10);
	assert.equal(series.timeAt(0), 15_000);
	assert.equal(series.value(9, 'stable', 'rate'), 24);
	assert.ok(Number.isNaN(series.value(9, 'stable', 'p95')));
	assert.ok(Number.isNaN(series.value(9, 'candidate', 'rate')));
	assert.equal(series.timeAt(series.firstSince(20_000)), 19_000);
});

test('of samples that are close the newest counts, also behind a gap', () => {
	const series = new Series();
	series.push(1000, null, null);
	series.push(1001, { requests_per_second: 0 }, null);
	assert.deepEqual([series.length, series.timeAt(0), series.value(0, 'stable', 'rate')], [1, 1000, 0]);
	series.addGap(5000);
	series.push(5100, { requests_per_second: 3 }, null);
	assert.deepEqual([series.length, series.value(1, 'stable', 'rate')], [2, 3]);
	series.push(4000, { requests_per_second: 9 }, null);
	assert.equal(series.value(series.length - 1, 'stable', 'rate'), 3);
});

test('a burst of changes does not push the past out of a series', () => {
	const series = new Series();
	series.push(0, { requests_per_second: 1 }, null);
	for (let at = 1; at < 5000; at += 1) series.push(WINDOW_MS + at / 10, { requests_per_second: 2 }, null);
	assert.equal(series.timeAt(0), 0);
	assert.ok(series.length < 5);
});
