import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeFreeze, describeLock, flagFreeze, freezeWarnings } from '../web/freeze-words.js';

const NOW = Date.UTC(2026, 6, 3, 11);
const HOUR = 3_600_000;
const window = 'Fri 16:00 - Mon 08:00 Europe/Berlin';
const plain = (text) => text.replaceAll('\u00a0', ' ');
const run = (by, holder = by) => ({ by, holder, reason: 'deploy', since: NOW, until: NOW + HOUR });

test('a lock says whose it is, until when, and who waits for it', () => {
	const lock = { by: 'ci-main', holder: 'build 77', reason: 'deploy', at: NOW, until: NOW + HOUR };
	assert.match(describeLock({ lock, lock_queue: [] }), /^Locked by ci-main \(build 77\): “deploy”, until .*2026/);
	const two = describeLock({ lock, lock_queue: [run('ci-other', 'build 78'), run('ci-main')] });
	assert.match(plain(two), /\. 2 runs wait for it, ci-other \(build 78\) first$/);
	assert.match(describeLock({ lock, lock_queue: [run('ci-other')] }), /\. ci-other waits for it$/);
	assert.equal(describeLock({ lock: null }), 'Not locked');
	const automatic = { by: 'maria', reason: 'rolled back to apps/my-shop-1.0.0-80/containers; go on', automatic: true };
	assert.equal(describeLock({ app: 'my-shop', lock: automatic }), 'Locked automatically by maria: “rolled back to 1.0.0; go on”');
	assert.equal(describeLock({ lock: null, lock_queue: [run('ci-other')] }), 'Not locked. ci-other waits for it');
	const own = { by: 'maria', holder: null, reason: 'fair', at: NOW, until: null, automatic: true };
	assert.equal(describeLock({ lock: own, lock_queue: [] }), 'Locked automatically by maria: “fair”');
});

test('a freeze is told while it stands and before it begins', () => {
	const frozen = { frozen: { window, until: NOW + 66 * HOUR }, next_freeze: null };
	const stands = describeFreeze(frozen, NOW);
	assert.ok(stands.stands);
	assert.match(stands.text, /^Frozen until .*2026.* by “Fri 16:00 - Mon 08:00 Europe\/Berlin”: CI can only abort and roll back\./);
	assert.equal(flagFreeze(frozen, NOW), 'frozen');
	assert.match(freezeWarnings(frozen)[0], /^A freeze stands until /);
	const endless = { frozen: { window, until: null }, next_freeze: null };
	assert.match(describeFreeze(endless, NOW).text, /^Frozen without an end by /);
	assert.match(freezeWarnings(endless)[0], /^A freeze stands without an end: /);
	const coming = { frozen: null, next_freeze: { window, from: NOW + 3 * HOUR, until: NOW + 66 * HOUR } };
	const comes = describeFreeze(coming, NOW);
	assert.ok(!comes.stands);
	assert.match(plain(comes.text), /^A freeze begins in 3 h, at .* until .*CI can only abort and roll back then\.$/);
	assert.equal(plain(flagFreeze(coming, NOW)), 'freeze in 3 h');
	assert.deepEqual(freezeWarnings(coming), []);
	assert.equal(describeFreeze({ frozen: null, next_freeze: null }, NOW), null);
	assert.equal(flagFreeze({}, NOW), '');
});
