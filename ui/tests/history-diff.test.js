import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf, isLink, linkOf } from '../web/facts.js';
import { describeMoment, differenceOf, sharedEvents } from '../web/history-diff.js';

const id = (release) => `apps/hello-${release}-80/containers`;
const words = (rows) => rows.map(({ what, before, after }) => `${what}: ${before} > ${after}`.replaceAll('\u00a0', ' '));

test('every field of a change is shown with both values', () => {
	const changed = {
		new_one: [1, { a: 2 }],
		stable: [null, id('1.0.1')],
		blend: [10, 0],
		sticky: [true, false],
		lock: [null, { reason: 'freeze', by: 'maria' }],
		draining: [[], [id('1.0.0')]],
		endpoint_drains: [[`${id('1.0.0')}/10.0.0.7:80`], []],
	};
	assert.deepEqual(words(differenceOf([{ seq: 1, changed }], 'hello')), [
		'Stable: none > 1.0.1',
		'Traffic to candidate: 10 % > 0 %',
		'Sticky: on > off',
		'Lock: not locked > “freeze” by maria',
		'Draining: none > 1.0.0',
		'Drained endpoints of 1.0.0: 10.0.0.7:80 > null',
		'new_one: 1 > {"a":2}',
	]);
});

test('settings are shown one by one, those of a group too', () => {
	const changed = { settings: [{ health: { fall: 3, rise: 2 }, hosts: ['a.example'] }, { health: { fall: 5, rise: 2 }, cache: 'trust' }] };
	assert.deepEqual(words(differenceOf([{ seq: 2, changed }], 'hello')), [
		'Setting cache: the default > trust',
		'Setting health.fall: 3 > 5',
		'Setting hosts: a.example > the default',
	]);
});

test('what lies between two moments is what the first began with and the last left', () => {
	const [one, two] = [id('1.0.0'), id('1.0.1')];
	const events = [
		{ seq: 4, changed: { stable: [one, two], candidate: [two, null], blend: [25, 0] } },
		{ seq: 3, number: 2, changed: { endpoints: [[`${two}/10.0.0.8:80`], [`${two}/10.0.0.8:80`, `${two}/10.0.0.9:80`]] } },
		{ seq: 3, number: 1, changed: { endpoints: [[`${two}/10.0.0.7:80`], [`${two}/10.0.0.8:80`]] } },
		{ seq: 3, changed: { settings: [{ cache: 'guard' }, {}] } },
		{ seq: 2, changed: { blend: [0, 25], settings: [{}, { cache: 'guard', pin: 'cookie' }] } },
		{ seq: 1, changed: { candidate: [null, two] } },
	];
	assert.deepEqual(words(differenceOf(events, 'hello')), [
		'Stable: 1.0.0 > 1.0.1',
		'Endpoints of 1.0.1: 10.0.0.7:80 > 10.0.0.8:80, 10.0.0.9:80',
		'Setting pin: the default > cookie',
	]);
	assert.deepEqual(differenceOf([], 'hello'), []);
	const moment = { seq: 3, number: 1, record: { stable: { release: one, tenure: 1 }, candidate: null } };
	assert.equal(describeMoment(moment, 'Endpoints', 'hello'), '3+ Endpoints: stable 1.0.0, candidate none');
});

test('hooks and tokens that concern the app come from the audit', () => {
	const entry = (more) => ({ id: 7, at: 5, actor: 'root', method: 'PUT', outcome: 'done', request: null, changes: [], ...more });
	const change = { key: 'rolling/hooks/chat', before: { url: 'http://a/', apps: [] }, after: { url: 'http://b/', apps: [] } };
	const [event] = sharedEvents([entry({ path: '/api/v1/hooks/chat', changes: [change] })], 'hello');
	assert.deepEqual([event.title, event.words, event.audit], ['Hook', 'chat written', 7]);
	assert.deepEqual(words(differenceOf([event], 'hello')), ['url: http://a/ > http://b/']);
	const others = [
		entry({ path: '/api/v1/hooks/chat', request: { apps: ['shop'] } }),
		entry({ path: '/api/v1/hooks/chat/test', method: 'POST' }),
		entry({ path: '/api/v1/tokens/ci', outcome: 'refused' }),
		entry({ path: '/api/v1/hooks-in/build', request: { app: 'shop' } }),
		entry({ path: '/api/v1/apps/hello/blend' }),
	];
	assert.deepEqual(sharedEvents(others, 'hello'), []);
	const [made] = sharedEvents([entry({ path: '/api/v1/tokens', method: 'POST', request: { name: 'ci', apps: ['hello'] } })], 'hello');
	assert.equal(`${made.title} ${made.words}`, 'Token ci made');
});

test('facts of a release come from the newest event that tells of any, and only addresses are links', () => {
	const stay = (release, facts) => ({ release: id(release), tenure: 1, facts });
	const events = [
		{ record: { stable: stay('1.0.0'), candidate: null } },
		{ record: { stable: stay('1.0.0', { commit: 'new' }), candidate: stay('1.0.1', {}) } },
		{ record: { stable: stay('1.0.0', { commit: 'old' }), candidate: null } },
	];
	assert.deepEqual([...factsOf(events)], [[id('1.0.0'), { commit: 'new' }]]);
	assert.equal(linkOf('commit', 'a/b', ['build=https://x/{}', 'commit=https://git.example/{}']), 'https://git.example/a%2Fb');
	assert.equal(linkOf('commit', '3f2a9c1', []), null);
	assert.deepEqual(['https://ci.example/1', 'javascript:alert(1)', '3f2a9c1', 'ftp://a/'].map(isLink), [true, false, false, false]);
});
