import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNotifier } from '../web/notify.js';

function browser(permission = 'default', answer = 'granted') {
	const told = [];
	class Recorder {
		constructor(title, { body, tag }) {
			told.push({ title, body, tag });
		}
	}
	Recorder.permission = permission;
	Recorder.requestPermission = async () => {
		Recorder.permission = answer;
		return answer;
	};
	const items = new Map();
	const kept = {
		getItem: (key) => items.get(key) ?? null,
		setItem: (key, value) => items.set(key, value),
		removeItem: (key) => items.delete(key),
	};
	return { told, Browser: Recorder, storage: kept };
}

const promote = { app: 'hello', seq: 7, updated: { command: 'promote', actor: 'maria', reason: 'green' } };

test('a hidden page tells of changes once the reader asked for it, and no earlier', async () => {
	const { told, Browser, storage: kept } = browser();
	let hidden = true;
	const notifier = createNotifier({ Browser, storage: kept, isHidden: () => hidden });
	notifier.showChange(promote);
	assert.deepEqual(told, [], 'nobody asked');
	await notifier.toggle();
	notifier.showChange(promote);
	assert.deepEqual(told, [{ title: 'hello: Promote', body: 'maria: “green”, change 7', tag: 'hello 7' }]);
	hidden = false;
	notifier.showChange(promote);
	assert.equal(told.length, 1, 'the reader looks at it');
	hidden = true;
	await notifier.toggle();
	notifier.showChange(promote);
	assert.equal(told.length, 1, 'it was turned off');
});

test('only an alarm that is new is told', async () => {
	const { told, Browser, storage: kept } = browser('granted');
	const notifier = createNotifier({ Browser, storage: kept, isHidden: () => true });
	await notifier.toggle();
	const silent = { kind: 'silent', node: 'n2', message: 'r2 is not heard from for 12 s' };
	notifier.showAlarms([], [silent]);
	notifier.showAlarms([silent], [{ ...silent, message: 'r2 is not heard from for 13 s' }]);
	assert.deepEqual(
		told.map(({ body }) => body),
		[silent.message],
	);
});

test('where the browser does not let the page notify, it says why', async () => {
	const { Browser, storage: kept } = browser('denied');
	const denied = createNotifier({ Browser, storage: kept, isHidden: () => true });
	assert.match(denied.unavailableReason(), /blocks notifications of this page/);
	await denied.toggle();
	assert.equal(denied.isOn(), false);
	assert.match(createNotifier({ Browser: null, storage: kept }).unavailableReason(), /loaded over https or from localhost/);
	const refused = browser('default', 'denied');
	const asked = createNotifier({ Browser: refused.Browser, storage: refused.storage, isHidden: () => true });
	await asked.toggle();
	assert.equal(asked.isOn(), false, 'the reader refused');
});
