// An app's settings: a control for each, and all of them as JSON. Only what changed is sent. A refusal is shown beside the field that it
// names. When the app changed in the meantime, nothing is overwritten and nothing that was typed is lost.

import { h, setAttr, setShown, setText, showLines } from '../dom.js';
import { applyPatch, mergePatch, describeSettingChanges, settingFields, valueAt, withValue } from '../settings-model.js';
import { appControls } from '../components/app-controls.js';
import { appLinks } from '../components/app-links.js';
import { button, errorLine, pageHead, submitButton } from '../components/controls.js';
import { settingsForm } from '../components/settings-form.js';

export function settingsPage({ api, model, notices, params }) {
	const name = params.app;
	const place = h('div', {}, h('p.quiet', {}, 'Loading …'));
	const text = h('textarea.input.mono.code', { rows: '20', spellcheck: 'false', id: 'settings-json', testid: 'settings-json' });
	const error = errorLine('settings-error', { id: 'settings-error' });
	const reasonLine = h('p.why', { id: 'settings-why' });
	const list = h('ul.advice', { testid: 'settings-changes' });
	const changes = h('section', { hidden: true }, h('h2.panel-title', {}, 'Changes to save'), list);
	const save = submitButton('Save settings', 'settings-save', { 'aria-describedby': 'settings-why' });
	const reload = button('Discard and reload', { testid: 'settings-reload', run: () => load() });
	const asJson = h(
		'details',
		{ testid: 'settings-as-json' },
		h('summary', {}, 'The same settings as JSON'),
		h('label.only-heard', { for: 'settings-json' }, 'Settings as JSON'),
		text,
	);
	const form = h(
		'form.panel.stack',
		{},
		place,
		asJson,
		h('div.settings-foot', {}, changes, error, h('div.action-buttons', {}, save, reload), reasonLine),
	);
	const removed = () => {
		model.forget(name);
		window.location.hash = '#/';
	};
	const itself = appControls(name, { api, model, notices, removed });
	let fields = [];
	let controls = null;
	let seq = null;
	let stored = {};
	let draft = {};
	let textError = null;
	let loaded = false;
	let saving = null;

	/** Loads the stored settings. What the reader has changed since `base`, and changes meanwhile, stays. */
	async function load(base = null) {
		try {
			const [read, description] = await Promise.all([api.getSettings(name), controls ? null : api.getDescription()]);
			if (description) buildControls(description.components.schemas.Settings);
			seq = read.seq;
			stored = read.settings;
			draft = base ? applyPatch(stored, mergePatch(base, draft)) : stored;
			textError = null;
			loaded = true;
			setText(error, '');
			controls.showError(null, '');
			showDraft();
		} catch (refusal) {
			setText(error, refusal.message);
		}
		update();
	}

	function buildControls(schema) {
		fields = settingFields(schema);
		controls = settingsForm({
			fields,
			onChange(path, value) {
				draft = withValue(draft, path, value);
				textError = null;
				showDraft();
				update();
			},
			onInvalid: update,
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
			textError = read && typeof read === 'object' && !Array.isArray(read) ? null : 'The settings must be a JSON object, such as {}.';
			if (!textError) {
				draft = read;
				showDraft();
			}
		} catch (syntax) {
			textError = `The settings must be JSON: ${syntax.message}`;
		}
		setText(error, textError ?? '');
		update();
	}

	async function submit(event) {
		event.preventDefault();
		if (save.getAttribute('aria-disabled')) return;
		saving = send(draft);
		update();
		await saving;
		saving = null;
		update();
	}

	async function send(sent) {
		try {
			const answer = await api.patchSettings(name, mergePatch(stored, sent), seq);
			if (answer?.app) model.takeState(answer);
			notices.post({ text: `The settings of ${name} are saved.`, tone: 'done' });
			await load(sent);
		} catch (refusal) {
			if (refusal.status === 412) await reloadOutdated();
			else showRefusal(refusal);
		}
	}

	async function reloadOutdated() {
		await api.getApp(name).then(model.takeState, () => {});
		await load(stored);
		setText(
			error,
			`The app has changed since you loaded this page (now change ${seq}). Nothing was saved. Your changes are still here: look again, then save.`,
		);
	}

	function showRefusal({ field, message }) {
		const isPlaced = field ? controls.showError(field, message) : false;
		setText(error, isPlaced || !field ? (isPlaced ? '' : message) : `${field}: ${message}`);
	}

	function findDisabledReason() {
		if (model.readOnlyReason()) return model.readOnlyReason();
		if (!loaded) return 'the settings are not loaded yet';
		if (saving) return 'the settings are being saved';
		if (textError || controls.isInvalidNow()) return 'correct the marked fields first';
		return Object.keys(mergePatch(stored, draft)).length === 0 ? 'nothing has changed yet' : null;
	}

	function update() {
		const reason = findDisabledReason();
		setAttr(save, 'aria-disabled', reason ? 'true' : null);
		setText(reasonLine, reason ? `Save settings: ${reason}.` : '');
		const lines = loaded ? describeSettingChanges(fields, stored, draft) : [];
		setShown(changes, lines.length > 0);
		showLines(list, lines);
		controls?.setDisabled(Boolean(model.readOnlyReason()));
		text.readOnly = Boolean(model.readOnlyReason());
		itself.update(model.app(name), model.readOnlyReason());
	}

	form.addEventListener('submit', submit);
	text.addEventListener('input', readText);
	load();
	return {
		element: h('div', {}, pageHead(`Settings of ${name}`, appLinks(name, 'settings')), form, itself.element),
		title: `Settings of ${name}`,
		stream: name,
		update,
		saving: () => saving,
		isUnsaved: () => loaded && (Boolean(textError) || Object.keys(mergePatch(stored, draft)).length > 0),
		discard() {
			draft = stored;
			textError = null;
		},
	};
}
