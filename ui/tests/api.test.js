import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, createApi, entryText } from '../web/api.js';

function recording(status, body, headers = {}) {
	const calls = [];
	const fetch = async (path, options) => {
		calls.push({ path, ...options });
		return new Response(body, { status, headers });
	};
	return { calls, fetch };
}

test('a command carries the seq it was opened at, and waits for the fleet', async () => {
	const { calls, fetch } = recording(200, '{"seq":8}');
	assert.deepEqual(await createApi({ fetch }).setBlend('a b', { percent: 10 }, 7), { seq: 8 });
	const [{ path, method, headers, body }] = calls;
	assert.equal(path, '/api/v1/apps/a%20b/blend?wait=fleet&timeout=5s');
	assert.equal(method, 'PUT');
	assert.equal(headers.Authorization, undefined, 'the browser adds its session by itself');
	assert.equal(headers['If-Match'], '"7"');
	assert.equal(headers['Content-Type'], 'application/json');
	assert.equal(body, '{"percent":10}');
});

test('a refusal keeps the words, the code and the field', async () => {
	const { fetch } = recording(422, '{"error":{"code":"bad_blend","message":"blend is 0 to 100","field":"percent"}}');
	await assert.rejects(
		createApi({ fetch }).setBlend('hello', { percent: 101 }, 7),
		(error) =>
			error instanceof ApiError &&
			error.status === 422 &&
			error.code === 'bad_blend' &&
			error.field === 'percent' &&
			error.message === 'blend is 0 to 100',
	);
});

test('a token is shown once, for a session', async () => {
	const { calls, fetch } = recording(201, '{"who":{"name":"maria"}}');
	assert.deepEqual(await createApi({ fetch }).signIn('secret'), { who: { name: 'maria' } });
	assert.equal(calls[0].headers.Authorization, 'Bearer secret');
	assert.equal(calls[0].path, '/api/v1/session');
});

test('a refused session is told once more', async () => {
	let denied = 0;
	const { fetch } = recording(401, 'no json at all');
	await assert.rejects(
		createApi({
			fetch,
			onDenied: () => {
				denied += 1;
			},
		}).listApps(),
		{ status: 401 },
	);
	assert.equal(denied, 1);
});

test('a command without an answer is never reported as not done', async () => {
	const fetch = async () => {
		throw new TypeError('connection refused');
	};
	await assert.rejects(
		createApi({ fetch }).promote('hello', {}, 7),
		(error) => error.status === 0 && /not known whether/.test(error.message),
	);
});

test('keyvalues keep their slashes and their bytes', async () => {
	const { calls, fetch } = recording(200, '');
	assert.deepEqual(await createApi({ fetch }).listKeys('apps/a b/'), []);
	assert.equal(calls[0].path, '/api/kv/apps/a%20b/?recurse=true');
	assert.equal(entryText({ Value: Buffer.from('grün').toString('base64') }), 'grün');
});
