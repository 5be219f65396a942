// An app's settings: a control for each, and the same as JSON. Only what changed is sent; what the router refuses is said
// beside the field it names, and when the app moved meanwhile nothing is lost and nothing is overwritten.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { applyPatch, mergePatch, settingChanges, settingFields, valueAt, withValue } from '../settings-model.js';
import { appLinks } from '../components/app-links.js';
import { button, errorLine, pageHead, submitButton } from '../components/controls.js';
import { settingsForm } from '../components/settings-form.js';

export function settingsPage({ api, store, notices, params }) {
	const name = params.app;
	const place = h('div', {}, h('p.quiet', {}, 'Asking the router …'));
	const text = h('textarea.input.mono.code', { rows: '20', spellcheck: 'false', id: 'settings-json', testid: 'settings-json' });
	const error = errorLine('settings-error', { id: 'settings-error' });
	const why = h('p.why', { id: 'settings-why' });
	const list = h('ul.advice', { testid: 'settings-changes' });
	const changes = h('section', { hidden: true }, h('h2.panel-title', {}, 'Saving changes'), list);
	const save = submitButton('Save settings', 'settings-save', { 'aria-describedby': 'settings-why' });
	const again = button('Drop and load again', { testid: 'settings-reload', run: () => load() });
	const asJson = h(
		'details',
		{ testid: 'settings-as-json' },
		h('summary', {}, 'The same as JSON'),
		h('label.only-heard', { for: 'settings-json' }, 'Settings as JSON'),
		text,
	);
	const form = h(
		'form.panel.stack',
		{},
		place,
		asJson,
		h('div.settings-foot', {}, changes, error, h('div.action-buttons', {}, save, again), why),
	);
	let fields = [];
	let controls = null;
	let seq = null;
	let kept = {};
	let draft = {};
	let textError = null;
	let loaded = false;
	let saving = false;

	/** Loads what is stored; `patch` is what the reader had changed and keeps. */
	async function load(patch = {}) {
		try {
			const [stored, description] = await Promise.all([api.settings(name), controls ? null : api.description()]);
			if (description) build(description.components.schemas.Settings);
			seq = store.app(name)?.seq ?? null;
			kept = stored ?? {};
			draft = applyPatch(kept, patch);
			textError = null;
			loaded = true;
			setText(error, '');
			controls.refuse(null, '');
			showDraft();
		} catch (refusal) {
			setText(error, refusal.message);
		}
		update();
	}

	function build(schema) {
		fields = settingFields(schema);
		controls = settingsForm({
			fields,
			changed(path, value) {
				draft = withValue(draft, path, value);
				textError = null;
				showDraft();
				update();
			},
			wrong: update,
		});
		place.replaceChildren(controls.element);
	}

	function showDraft() {
		controls.show((path) => valueAt(draft, path));
		if (text !== document.activeElement) text.value = JSON.stringify(draft, null, 2);
	}

	function readText() {
		try {
			const read = JSON.parse(text.value);
			textError = read && typeof read === 'object' && !Array.isArray(read) ? null : 'Settings are a JSON object, such as {}.';
			if (!textError) {
				draft = read;
				showDraft();
			}
		} catch (wrong) {
			textError = `This is not JSON: ${wrong.message}`;
		}
		setText(error, textError ?? '');
		update();
	}

	async function submit(event) {
		event.preventDefault();
		if (save.getAttribute('aria-disabled')) return;
		const patch = mergePatch(kept, draft);
		saving = true;
		update();
		try {
			const answer = await api.patchSettings(name, patch, seq);
			if (answer?.app) store.take(answer);
			notices.post({ text: `Settings of ${name} saved.`, tone: 'done' });
			await load();
		} catch (refusal) {
			if (refusal.status === 412) await movedOn(patch);
			else refused(refusal);
		}
		saving = false;
		update();
	}

	async function movedOn(patch) {
		await api.app(name).then(store.take, () => {});
		await load(patch);
		setText(
			error,
			`The app has changed since you loaded this (now change ${seq}); nothing was saved. Your changes are still here: look again, then save.`,
		);
	}

	function refused({ field, message }) {
		const isPlaced = field ? controls.refuse(field, message) : false;
		setText(error, isPlaced || !field ? (isPlaced ? '' : message) : `${field}: ${message}`);
	}

	function whyNot() {
		if (store.whyReadOnly()) return store.whyReadOnly();
		if (!loaded) return 'the settings are not loaded yet';
		if (saving) return 'saving';
		if (textError || controls.isWrong()) return 'correct what is marked first';
		return Object.keys(mergePatch(kept, draft)).length === 0 ? 'nothing has been changed yet' : null;
	}

	function update() {
		const reason = whyNot();
		setAttr(save, 'aria-disabled', reason ? 'true' : null);
		setText(why, reason ? `Save settings: ${reason}.` : '');
		const lines = loaded ? settingChanges(fields, kept, draft) : [];
		setShown(changes, lines.length > 0);
		keyed(
			list,
			lines,
			(line) => line,
			(line) => ({ element: h('li', {}, line), update() {} }),
		);
		controls?.setDisabled(store.whyReadOnly());
		text.readOnly = Boolean(store.whyReadOnly());
	}

	form.addEventListener('submit', submit);
	text.addEventListener('input', readText);
	load();
	return {
		element: h('div', {}, pageHead(`Settings of ${name}`, appLinks(name, 'settings')), form),
		title: `Settings of ${name}`,
		stream: name,
		update,
	};
}
