// A control for every setting of an app, in groups, each with what it allows and the error that names it.

import { freshId, h, setAttr, setText } from '../dom.js';
import { describeAllowed, formatSetting, parseSetting, describeSetting } from '../settings-model.js';
import { errorLine, prose } from './controls.js';

/** `onChange(path, value)` runs with every valid entry, `onInvalid()` with every other. */
export function settingsForm({ fields, onChange, onInvalid }) {
	const rows = fields.map((field) => [field, settingRow(field, onChange, onInvalid)]);
	const groups = new Map();
	for (const [{ group }, row] of rows) groups.set(group?.name, [...(groups.get(group?.name) ?? []), [group, row]]);
	return {
		element: h(
			'div.settings',
			{},
			[...groups.values()].map((members) => {
				const [group] = members[0];
				return h(
					'fieldset.settings-group',
					{},
					h('legend', {}, group?.title ?? 'Clients, hosts and drains'),
					group?.description ? h('p.quiet', {}, prose(group.description)) : null,
					h(
						'div.settings-fields',
						{},
						members.map(([, row]) => row.element),
					),
				);
			}),
		),
		/** Shows these values, except where somebody is typing. */
		show(valueOf) {
			for (const [field, row] of rows) row.show(valueOf(field.path));
		},
		isInvalidNow: () => rows.some(([, row]) => row.isInvalidNow()),
		/** Shows an error beside the setting it names, such as `hosts[1]` or `health.fall`. False when there is no such setting. */
		showError(path, message) {
			for (const [, row] of rows) row.showError('');
			const found = rows.find(([field]) => path === field.path || path?.startsWith(`${field.path}[`));
			found?.[1].showError(message);
			return Boolean(found);
		},
		setDisabled(isDisabled) {
			for (const [, row] of rows) row.setDisabled(isDisabled);
		},
	};
}

function settingRow(field, onChange, onInvalid) {
	const id = freshId('setting');
	const control = settingControl(field, id);
	const error = errorLine(`setting-error-${field.path}`, { id: `${id}-error` });
	const allowed = describeAllowed(field);
	let isInvalid = false;
	const showError = (message) => {
		setText(error, message);
		setAttr(control, 'aria-invalid', message ? 'true' : null);
		if (message) control.focus();
	};
	control.addEventListener('input', () => {
		const read = parseSetting(field, control.value);
		isInvalid = Boolean(read.error);
		setText(error, read.error ?? '');
		setAttr(control, 'aria-invalid', isInvalid ? 'true' : null);
		if (isInvalid) onInvalid();
		else onChange(field.path, read.value);
	});
	return {
		element: h(
			'div.field',
			{},
			h('label', { for: id }, field.title),
			field.unit ? h('span.with-unit', {}, control, h('span', { 'aria-hidden': 'true' }, field.unit)) : control,
			h('p.quiet', { id: `${id}-hint` }, prose(field.description), allowed ? ` ${allowed}` : ''),
			error,
		),
		show(value) {
			if (
				isInvalid ||
				(control === document.activeElement &&
					formatSetting(field, parseSetting(field, control.value).value) === formatSetting(field, value))
			)
				return;
			const text = formatSetting(field, value);
			if (control.value !== text) control.value = text;
		},
		isInvalidNow: () => isInvalid,
		showError,
		setDisabled(isDisabled) {
			if (control.tagName === 'SELECT') control.disabled = isDisabled;
			else control.readOnly = isDisabled;
		},
	};
}

function settingControl(field, id) {
	const common = { id, testid: `setting-${field.path}`, 'aria-describedby': `${id}-hint ${id}-error` };
	const unset = h('option', { value: '' }, field.fallback === null ? 'default' : `default: ${describeSetting(field, field.fallback)}`);
	if (field.kind === 'choice')
		return h(
			'select.input',
			common,
			unset,
			field.choices.map((choice) => h('option', { value: choice }, choice)),
		);
	if (field.kind === 'boolean')
		return h('select.input', common, unset, h('option', { value: 'true' }, 'on'), h('option', { value: 'false' }, 'off'));
	if (field.kind === 'array') return h('textarea.input.mono', { ...common, rows: '2', spellcheck: 'false' });
	const isNumber = field.kind === 'integer' || field.kind === 'number';
	return h('input.input', {
		...common,
		autocomplete: 'off',
		spellcheck: 'false',
		inputmode: isNumber ? 'decimal' : null,
		placeholder: field.fallback,
	});
}
