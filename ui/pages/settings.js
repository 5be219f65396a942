// An app's settings as JSON. What the router refuses is shown with the field it names; a stale page changes nothing.

import { h, setAttr, setText } from '../dom.js';
import { appHref } from '../router.js';
import { button, errorLine, pageHead, submitButton } from '../components/controls.js';

export function settingsPage({ api, store, notices, params }) {
	const name = params.app;
	const text = h('textarea.input.mono.code', { rows: '20', spellcheck: 'false', id: 'settings-json', testid: 'settings-json', 'aria-describedby': 'settings-error' });
	const error = errorLine('settings-error', { id: 'settings-error' });
	const why = h('p.why', { id: 'settings-why' });
	const save = submitButton('Save settings', 'settings-save', { 'aria-describedby': 'settings-why' });
	const again = button('Load again', { testid: 'settings-reload', run: load });
	const form = h('form.panel.stack', {}, h('label', { for: 'settings-json' }, 'Settings, JSON. What is left out has its default.'), text, error,
		h('div.action-buttons', {}, save, again), why);
	let seq = null;
	let kept = '';
	let loaded = false;

	async function load() {
		try {
			seq = store.app(name)?.seq ?? null;
			kept = JSON.stringify(await api.settings(name) ?? {}, null, 2);
			text.value = kept;
			loaded = true;
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		update();
	}

	async function submit(event) {
		event.preventDefault();
		if (save.getAttribute('aria-disabled')) return;
		try {
			JSON.parse(text.value);
		} catch (wrong) {
			setText(error, `This is not JSON: ${wrong.message}`);
			text.focus();
			return;
		}
		try {
			const answer = await api.putSettings(name, text.value, seq);
			if (answer?.app) store.take(answer);
			notices.post({ text: `Settings of ${name} saved.`, tone: 'done' });
			await load();
		} catch (refusal) {
			const words = refusal.status === 412 ? 'The app has changed since you loaded this; nothing was saved. Copy your text and load again.' : refusal.message;
			setText(error, refusal.field ? `${refusal.field}: ${words}` : words);
		}
	}

	function update() {
		const reason = store.whyReadOnly() ?? (!loaded ? 'the settings are not loaded yet' : text.value === kept ? 'nothing has been changed yet' : null);
		setAttr(save, 'aria-disabled', reason ? 'true' : null);
		setText(why, reason ? `Save settings: ${reason}.` : '');
	}

	form.addEventListener('submit', submit);
	text.addEventListener('input', update);
	load();
	return {
		element: h('div', {}, pageHead(`Settings of ${name}`, h('a', { href: appHref(name) }, `Back to ${name}`)), form),
		title: `Settings of ${name}`,
		stream: name,
		update,
	};
}
