import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeBrowser, describeLimits, tokenRequest } from '../web/access-words.js';

test('a browser is named as people know it', () => {
	const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0 Safari/537.36';
	assert.equal(describeBrowser(chrome), 'Chrome on Linux');
	assert.equal(describeBrowser(`${chrome} Edg/149.0`), 'Edge on Linux');
	assert.equal(describeBrowser('Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1'), 'Safari on iOS');
	assert.equal(describeBrowser('curl/8.1'), 'curl/8.1');
	assert.equal(describeBrowser(''), 'a browser without a name');
});

test('limits are said only where there are some', () => {
	assert.equal(describeLimits({}, 'Limited to: '), '');
	assert.equal(
		describeLimits({ apps: ['shop'], networks: ['10.0.0.0/8'], raw: false }, 'Limited to: '),
		' Limited to: the apps shop; the networks 10.0.0.0/8; calls other than raw keyvalues.',
	);
});

test('what is empty is left out of a request', () => {
	assert.deepEqual(tokenRequest({ name: ' ci ', role: 'ci', apps: [], networks: ' ', days: 0, raw: true }), { name: 'ci', role: 'ci' });
	assert.deepEqual(tokenRequest({ name: 'x', role: 'viewer', apps: ['shop'], networks: '10.0.0.0/8, 192.0.2.0/24', days: 90, raw: false }), {
		name: 'x',
		role: 'viewer',
		apps: ['shop'],
		networks: ['10.0.0.0/8', '192.0.2.0/24'],
		for_seconds: 7_776_000,
		raw: false,
	});
});
