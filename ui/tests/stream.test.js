import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventParser, backoff, follow } from '../web/stream.js';

const whole =
	'event: state\nid: 7-1\ndata: {"app":"hello"}\n\n: alive\n\nevent: activity\r\ndata: a\r\ndata: b\r\n\r\ndata:x\rid: 8-2\r\r: end\n';
const expected = [
	{ event: 'state', id: '7-1', data: '{"app":"hello"}' },
	{ event: 'activity', id: '7-1', data: 'a\nb' },
	{ event: 'message', id: '8-2', data: 'x' },
];

test('cuts a stream into events', () => {
	assert.deepEqual(new EventParser().push(whole), expected);
});

test('gives the same events wherever the stream was torn', () => {
	for (let at = 1; at < whole.length; at += 1) {
		const parser = new EventParser();
		assert.deepEqual([...parser.push(whole.slice(0, at)), ...parser.push(whole.slice(at))], expected, `torn at ${at}`);
	}
	const parser = new EventParser();
	assert.deepEqual(
		[...whole].flatMap((char) => parser.push(char)),
		expected,
	);
});

test('an event without data is none, and fields it does not know are ignored', () => {
	assert.deepEqual(new EventParser().push('event: state\n\nretry: 5\nnonsense\ndata\n\n'), [{ event: 'message', id: '', data: '' }]);
});

test('the back-off doubles, is capped and spread', () => {
	assert.deepEqual(
		[0, 1, 2, 3].map((attempt) => backoff(attempt, () => 1)),
		[500, 1000, 2000, 4000],
	);
	assert.equal(
		backoff(99, () => 1),
		10_000,
	);
	assert.equal(
		backoff(0, () => 0),
		250,
	);
});

function answer(chunks, status = 200) {
	const body = new ReadableStream({
		start(control) {
			chunks.forEach((chunk) => control.enqueue(new TextEncoder().encode(chunk)));
			control.close();
		},
	});
	return new Response(status === 200 ? body : '', { status });
}

test('resumes after the last event it saw, and says that it was cut off', async () => {
	const calls = [];
	const told = [];
	await new Promise((done) => {
		const stream = follow({
			url: '/stream',
			random: () => 0,
			fetch: async (url, { headers }) => {
				calls.push(headers);
				return answer([`id: ${calls.length}-1\ndata: {}\n\n`]);
			},
			onOpen: () => told.push('open'),
			onHeard: () => {},
			onEvent: ({ id }) => told.push(id),
			onDenied: () => told.push('denied'),
			onLost: ({ reason }) => {
				told.push(reason);
				if (calls.length < 2) stream.retry();
				else {
					stream.close();
					done();
				}
			},
		});
	});
	assert.deepEqual(
		calls.map((headers) => headers['Last-Event-ID']),
		[undefined, '1-1'],
	);
	assert.equal(calls[0].Authorization, undefined);
	assert.deepEqual(told, ['open', '1-1', 'the router closed the connection', 'open', '2-1', 'the router closed the connection']);
});

test('a refused session ends it', async () => {
	let calls = 0;
	await new Promise((done) => {
		follow({
			url: '/stream',
			fetch: async () => {
				calls += 1;
				return answer([], 401);
			},
			onOpen: assert.fail,
			onHeard: assert.fail,
			onEvent: assert.fail,
			onLost: assert.fail,
			onDenied: done,
		});
	});
	assert.equal(calls, 1);
});

test('a paused stream asks for nothing, is not called lost, and goes on after the last event', async () => {
	const asked = [];
	const fetch = async (url, { headers, signal }) => {
		asked.push(headers['Last-Event-ID'] ?? '');
		let feed;
		signal.addEventListener('abort', () => feed.error(new Error('aborted')));
		return new Response(
			new ReadableStream({
				start(control) {
					feed = control;
					feed.enqueue(new TextEncoder().encode('id: 7\ndata: {}\n\n'));
				},
			}),
			{ status: 200 },
		);
	};
	const lost = [];
	let heard = 0;
	const stream = follow({
		url: '/stream',
		fetch,
		onOpen() {},
		onHeard() {},
		onEvent() {
			heard += 1;
		},
		onLost: (reason) => lost.push(reason),
		onDenied() {},
	});
	const settle = async (isSo) => {
		while (!isSo())
			await new Promise((done) => {
				setImmediate(done);
			});
	};
	await settle(() => heard === 1);
	stream.pause();
	stream.pause();
	stream.retry();
	for (let turn = 0; turn < 20; turn += 1)
		await new Promise((done) => {
			setImmediate(done);
		});
	assert.deepEqual([asked, lost], [[''], []]);
	stream.resume();
	stream.resume();
	await settle(() => heard === 2);
	assert.deepEqual([asked, lost], [['', '7'], []]);
	stream.close();
});
