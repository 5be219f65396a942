import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeWayBack, describeWhoIsLeft } from '../web/components/draining.js';
import { describeWhatIsLeft } from '../web/components/endpoints.js';
import { alarmKey, describeHeard, describeSecrets, describeServed, fleetLabel } from '../web/fleet-words.js';

const plain = (text) => text.replaceAll('\u00a0', ' ');

test('a member is heard from, or not for a while', () => {
	assert.equal(describeHeard({ own: true, heard: true }), '● this router');
	assert.equal(describeHeard({ heard: true, silent_seconds: 1 }), '● heard from');
	assert.equal(plain(describeHeard({ heard: false, silent_seconds: 12 })), '✕ not heard from for 12 s');
	assert.equal(describeHeard({ heard: false, silent_seconds: null }), '✕ not heard from');
	assert.equal(plain(describeHeard({ heard: false, gone: true, silent_seconds: 960 })), '✕ presumed gone, not heard from for 16 min');
});

test('a member that serves something else is named with both changes', () => {
	assert.equal(describeServed({ differs: {} }), 'serves the same');
	assert.equal(
		describeServed({ differs: { hello: 41 } }, () => ({ seq: 42 })),
		'✕ serves hello at change 41 (here 42)',
	);
	assert.match(describeServed({ differs: { a: 1, b: 2, c: null, d: 4, e: 5 } }), /c at change unknown .* and 2 more$/);
});

test('secrets are told with their key, and with what another one waits for', () => {
	const secrets = { key: 'one.ab', next: null, waits_for: [], all: 7, written: 7 };
	assert.equal(describeSecrets(secrets), 'Secrets in the store are encrypted with one.ab.');
	assert.match(describeSecrets({ ...secrets, next: 'two.cd', waits_for: ['r2', 'r3'] }), /two\.cd waits until r2, r3 has it first/);
	assert.equal(describeSecrets({ ...secrets, key: 'plain', written: 3 }), 'Secrets stand in the store unencrypted, 3 of 7 of them so far.');
});

test('the link counts routers, and alarms before them', () => {
	assert.equal(fleetLabel(null), 'Fleet');
	assert.equal(plain(fleetLabel({ members: [{}, {}, {}], alarms: [] })), 'Fleet 3');
	assert.equal(plain(fleetLabel({ members: [{}, {}, {}], alarms: [{}] })), 'Fleet ⚠ 1');
});

test('who is left at a draining release is summed over the fleet', () => {
	const fleet = { members: 3, reported: 2, open_requests: 1, open_sockets: 0, pinned: 9 };
	assert.equal(plain(describeWhoIsLeft({ fleet })), '9 pinned clients, 1 open request, 0 open sockets, reported by 2 of 3 routers');
	assert.match(describeWhoIsLeft({ can_be_stopped: true, fleet }), /can be stopped/);
	assert.match(
		plain(describeWhoIsLeft({ open_requests: 2, open_sockets: 0, requests_per_second: 1, pinned: 3 })),
		/^3 pinned clients, 2 open requests/,
	);
});

test('the way back is named where its endpoints can be stopped, and where a rollback cannot go there', () => {
	assert.match(describeWhoIsLeft({ can_be_stopped: true }, true), /can be stopped, but it is the way back/);
	assert.equal(describeWayBack(null), '');
	assert.equal(describeWayBack({ release: '1.0' }), 'A rollback goes to 1.0.');
	const dead = { release: '1.0', rollback_refusal: '`1.0` has no endpoints' };
	assert.equal(describeWayBack(dead), '✕ A rollback cannot go to 1.0: `1.0` has no endpoints');
});

test('what is left at a draining endpoint is summed over the fleet', () => {
	const draining = { since: 1, until: 2 };
	const words = (endpoint) =>
		plain(describeWhatIsLeft({ draining, in_flight: 1, open_sockets: 1, ...endpoint })).replace(/ until .*?: /, ': ');
	assert.equal(describeWhatIsLeft({ in_flight: 1 }), '', 'it serves');
	assert.equal(words({}), 'draining: 0 open requests, 1 open socket');
	const fleet = { members: 3, reported: 3, in_flight: 4, open_sockets: 1 };
	assert.equal(words({ fleet }), 'draining: 3 open requests, 1 open socket, on 3 routers');
	assert.equal(words({ fleet: { ...fleet, reported: 2 } }), 'draining: 3 open requests, 1 open socket, reported by 2 of 3 routers');
	assert.equal(words({ can_be_stopped: true, fleet }), 'draining: can be stopped');
});

test('two alarms of one kind about two things are two alarms', () => {
	const lost = (subject) => ({ kind: 'engine_lost', node: 'n1', subject });
	assert.notEqual(alarmKey(lost('one')), alarmKey(lost('two')));
	assert.equal(alarmKey({ kind: 'stale', node: 'n1' }), alarmKey({ kind: 'stale', node: 'n1', subject: '', message: 'other words' }));
});
