import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
	describeAllowed,
	applyPatch,
	mergePatch,
	describeSettingChanges,
	settingFields,
	formatSetting,
	parseSetting,
	valueAt,
	withValue,
} from '../web/settings-model.js';

const description = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
const fields = settingFields(description.components.schemas.Settings);
const field = (path) => fields.find((each) => each.path === path);
const plain = (text) => text.replaceAll('\u00a0', ' ');

test('every setting of the description becomes a control of its kind', () => {
	assert.equal(field('drainseconds').kind, 'integer');
	assert.equal(field('cookie.secure').kind, 'boolean');
	assert.equal(field('cookie.domain').kind, 'string');
	assert.equal(field('transition').kind, 'choice');
	assert.equal(field('health.fall').group.title, 'Health checks');
	assert.equal(plain(describeAllowed(field('abortseconds'))), 'Allowed: 0 to 3,600 s. Empty: 10 s.');
	assert.equal(describeAllowed(field('hosts')), 'One per line. Empty: none.');
	assert.equal(new Set(fields.map(({ path }) => path)).size, fields.length);
});

test('a text is read as its kind, and empty means the default', () => {
	assert.deepEqual(parseSetting(field('drainseconds'), ' 60 '), { value: 60 });
	assert.deepEqual(parseSetting(field('drainseconds'), ''), { value: undefined });
	assert.match(parseSetting(field('drainseconds'), '1.5').error, /whole number/);
	assert.match(parseSetting(field('ci_blend_max'), 'ten').error, /number/);
	assert.deepEqual(parseSetting(field('ci_blend_max'), '12.5'), { value: 12.5 });
	assert.deepEqual(parseSetting(field('hosts'), 'a.example\n b.example,'), { value: ['a.example', 'b.example'] });
	const windows = ['Fri 16:00 - Mon 08:00 Europe/Berlin', '22:00 - 06:00 UTC'];
	assert.deepEqual(parseSetting(field('freeze_windows'), `\n ${windows.join(' \n\n')}\n`), { value: windows });
	assert.deepEqual(parseSetting(field('health.headers'), 'X-Check: yes, please'), { value: ['X-Check: yes, please'] });
	assert.deepEqual(parseSetting(field('cookie.secure'), 'false'), { value: false });
	for (const path of ['drainseconds', 'hosts', 'cookie.secure']) assert.equal(formatSetting(field(path), undefined), '');
	assert.equal(formatSetting(field('hosts'), ['a', 'b']), 'a\nb');
});

test('setting and taking out leaves everything else as it was', () => {
	const before = { hosts: ['a'], health: { fall: 5 } };
	assert.equal(valueAt(before, 'health.fall'), 5);
	assert.equal(valueAt(before, 'cookie.name'), undefined);
	assert.deepEqual(withValue(before, 'health.rise', 2), { hosts: ['a'], health: { fall: 5, rise: 2 } });
	assert.deepEqual(withValue(before, 'health.fall', undefined), { hosts: ['a'] });
	assert.deepEqual(withValue({}, 'cookie.name', 'x'), { cookie: { name: 'x' } });
	assert.deepEqual(before, { hosts: ['a'], health: { fall: 5 } });
});

test('only what changed is sent, and applying it gives the same', () => {
	for (const [before, after, patch] of [
		[{}, {}, {}],
		[{ hosts: ['a'] }, { hosts: ['a', 'b'] }, { hosts: ['a', 'b'] }],
		[{ health: { fall: 5, rise: 2 }, drainseconds: 1 }, { health: { fall: 6, rise: 2 }, drainseconds: 1 }, { health: { fall: 6 } }],
		[{ health: { fall: 5 }, drainseconds: 1 }, { drainseconds: 1 }, { health: null }],
		[{ health: { fall: 5, rise: 2 } }, { health: { rise: 2 } }, { health: { fall: null } }],
	]) {
		assert.deepEqual(mergePatch(before, after), patch);
		assert.deepEqual(applyPatch(before, patch), after);
	}
});

test('what saving changes is said in words', () => {
	const words = describeSettingChanges(
		fields,
		{ drainseconds: 60, shielding: { enabled: false } },
		{ hosts: ['a.example'], health: { fall: 5 } },
	).map(plain);
	assert.deepEqual(words, [
		'Hosts: none (the default) → a.example',
		'Drain: 60 s → 300 s (the default)',
		'Health checks, Fall: 3 (the default) → 5',
		'Shielding, Shielding: off → on (the default)',
	]);
});
