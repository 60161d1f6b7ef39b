import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAllYaml } from '@kubernetes/client-node';
import { logsTemplate } from '../../infrastructure/elasticsearch/logsTemplate';

/** Checks Fluentd's configuration against the rules of its format. Fluentd itself is not available here. */

interface Section {
  name: string;
  argument: string;
  parameters: Record<string, string>;
  sections: Section[];
}

/** Parses Fluentd's format: sections in angle brackets, and parameters with values up to the end of line. */
function parse(text: string): Section {
  const root: Section = { name: 'root', argument: '', parameters: {}, sections: [] };
  const open = [root];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const top = open.at(-1)!;
    const end = /^<\/(\w+)>$/.exec(line)?.[1];
    const [, name, argument = ''] = /^<(\w+)(?:\s+(.+))?>$/.exec(line) ?? [];
    if (end !== undefined) {
      if (open.length === 1 || top.name !== end)
        throw new Error(`line ${index + 1}: </${end}> closes ${top.name}`);
      open.pop();
    } else if (name !== undefined) {
      const section = { name, argument, parameters: {}, sections: [] };
      top.sections.push(section);
      open.push(section);
    } else {
      const [, key, value] = /^(@?\w+)\s+(.+)$/.exec(line) ?? [];
      if (key === undefined || value === undefined) throw new Error(`line ${index + 1}: ${line}`);
      top.parameters[key] = value;
    }
  }
  if (open.length > 1) throw new Error(`${open.at(-1)!.name} is not closed`);
  return root;
}

const COMMON = ['@type', '@id', '@label', '@log_level'];

/** The documented parameters of each plugin that is used. */
const KNOWN: Record<string, string[]> = {
  'source tail': ['path', 'exclude_path', 'pos_file', 'tag', 'read_from_head', 'refresh_interval'],
  'source pod_tail': [
    ...['path', 'pos_file', 'tag', 'read_from_head', 'refresh_interval', 'read_bytes_limit_per_second'],
  ],
  'filter line_limit': ['lines_per_minute', 'notice_label'],
  'source monitor_agent': ['bind', 'port'],
  'parse cri': ['merge_cri_fields'],
  'parse json': ['time_key'],
  'filter parser': [
    ...['key_name', 'reserve_data', 'reserve_time', 'hash_value_field', 'emit_invalid_record_to_error'],
  ],
  'filter concat': [
    ...['key', 'use_partial_cri_logtag', 'partial_cri_logtag_key', 'partial_cri_stream_key', 'timeout_label'],
    'flush_interval',
  ],
  'filter kubernetes_metadata': [],
  'filter elasticsearch_genid': [
    ...['hash_id_key', 'use_record_as_seed', 'record_keys', 'include_tag_in_seed', 'hash_type'],
  ],
  'filter record_transformer': ['enable_ruby', 'remove_keys', 'renew_record'],
  'match relabel': [],
  'match stdout': [],
  'match elasticsearch': [
    ...[
      'hosts',
      'user',
      'password',
      'ca_file',
      'ssl_verify',
      'logstash_format',
      'logstash_prefix',
      'index_name',
    ],
    ...['write_operation', 'id_key', 'remove_keys', 'suppress_type_name', 'template_name', 'template_file'],
    ...['use_legacy_template', 'template_overwrite', 'max_retry_putting_template'],
    ...['fail_on_putting_template_retry_exceed', 'fail_on_detecting_es_version_retry_exceed'],
    ...['reload_connections', 'reload_on_failure', 'reconnect_on_error', 'request_timeout'],
    'emit_error_for_missing_id',
  ],
  'buffer file': [
    ...['path', 'flush_mode', 'flush_interval', 'flush_at_shutdown', 'chunk_limit_size', 'total_limit_size'],
    ...['retry_type', 'retry_max_interval', 'retry_forever', 'overflow_action'],
  ],
};

function sectionsIn(section: Section): Section[] {
  return section.sections.flatMap((inner) => [inner, ...sectionsIn(inner)]);
}

function dataOf(path: string): Record<string, string> {
  const objects = loadAllYaml(readFileSync(path, 'utf8')) as { kind: string; data: Record<string, string> }[];
  return objects.find(({ kind }) => kind === 'ConfigMap')!.data;
}

const MANIFESTS = ['infrastructure/fluentd.yaml', 'infrastructure/secured/fluentd.yaml'];

test.each(MANIFESTS)('%s: every section is closed, and has what its plugin knows', (path) => {
  const sections = sectionsIn(parse(dataOf(path)['fluent.conf']!));
  const plugins = sections.filter(({ name }) => name !== 'label' && name !== 'record');
  expect(plugins.length).toBeGreaterThan(15);
  for (const { name, parameters } of plugins) {
    const known = KNOWN[`${name} ${parameters['@type']}`];
    expect([name, parameters['@type'], known !== undefined]).toEqual([name, parameters['@type'], true]);
    expect(Object.keys(parameters).filter((key) => ![...COMMON, ...known!].includes(key))).toEqual([]);
  }
  const labels = sections.filter(({ name }) => name === 'label').map(({ argument }) => argument);
  const used = sections.flatMap(({ parameters }) => [
    ...[parameters['@label'], parameters.timeout_label, parameters.notice_label],
  ]);
  for (const label of used) if (label !== undefined) expect(labels).toContain(label);
  expect(new Set(labels).size).toBe(labels.length);
});

test.each(MANIFESTS)('%s: lines are kept on disk, sent again for ever, and stored once', (path) => {
  const sections = sectionsIn(parse(dataOf(path)['fluent.conf']!));
  const output = sections.find(({ parameters }) => parameters['@id'] === 'elasticsearch')!;
  expect(output.parameters).toMatchObject({ id_key: '_hash', write_operation: 'create' });
  const [buffer] = output.sections;
  expect(buffer?.parameters).toMatchObject({
    '@type': 'file',
    retry_forever: 'true',
    overflow_action: 'block',
  });
});

const ruby = spawnSync('ruby', ['-v']).status === 0;

/** Runs Ruby code with the plugins of a manifest. @returns what it prints, as JSON */
function withPlugins(path: string, code: string): unknown {
  const stubs = join(__dirname, 'fluentdStubs.rb');
  const program = `require '${stubs}'\nrequire 'json'\n${dataOf(path)['line_limit.rb']}\n${code}`;
  const { stdout, stderr } = spawnSync('ruby', ['-w', '-'], { input: program, encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

test('both manifests have the same plugins, on the path of plugins', () => {
  const [one, other] = MANIFESTS.map((path) => dataOf(path)['line_limit.rb']);
  expect(one).toBe(other);
  for (const path of MANIFESTS)
    expect(readFileSync(path, 'utf8')).toContain('value: -p /fluentd/line-limit\n');
});

(ruby ? test : test.skip)(
  'lines of a container beyond the limit of a minute are dropped, and counted',
  () => {
    const tag = `kubernetes.var.log.containers.ada-prod-1_user-ada_program-${'0'.repeat(64)}.log`;
    const result = withPlugins(
      'infrastructure/fluentd.yaml',
      `
filter = Fluent::Plugin::LineLimitFilter.new(lines_per_minute: 3, notice_label: '@PODS')
filter.start
kept = lambda do |tag, *times|
  stream = Fluent::MultiEventStream.new
  times.each { |time| stream.add(time, { 'time' => "2026-01-31T12:#{time}.000000009Z", 'message' => time }) }
  filter.filter_stream(tag, stream).to_a.map { |_, record| record['message'] }
end
first = kept.call('${tag}', '00:01', '00:02', '00:03', '00:04', '00:05')
other = kept.call('another', '00:01')
again = kept.call('${tag}', '00:59', '01:00')
one = filter.emitted.dup
kept.call('${tag}', '01:01', '01:02', '01:03')
Fluent::Clock.now = 59
filter.timer.call
early = filter.emitted.size
Fluent::Clock.now = 61
filter.timer.call
puts JSON.generate({ first: first, other: other, again: again, one: one, early: early, late: filter.emitted.size })
`,
    );
    const text =
      '[3 lines were not stored: more than 3 were printed within a minute. The node keeps the latest ones: ' +
      'kubectl logs ada-prod-1 -n user-ada -c program]';
    expect(result).toEqual({
      ...{ first: ['00:01', '00:02', '00:03'], other: ['00:01'], again: ['01:00'] },
      one: [
        [
          ...['@PODS', tag, '00:59'],
          { time: '2026-01-31T12:00:59.000000010Z', stream: 'stderr', logtag: 'F', message: text },
        ],
      ],
      ...{ early: 1, late: 2 },
    });
  },
);

test.each(MANIFESTS)('%s: the template of its indices is ours', (path) => {
  const { name, ...body } = logsTemplate('orchestration-logs');
  expect(JSON.parse(dataOf(path)['orchestration-logs.json']!)).toEqual(body);
  const fields = sectionsIn(parse(dataOf(path)['fluent.conf']!)).find(({ name }) => name === 'record')!;
  const mapped = Object.keys(body.template.mappings.properties);
  const known = [...mapped, 'ecs']; // Stored, but not indexed.
  expect(Object.keys(fields.parameters).filter((field) => !known.includes(field))).toEqual([]);
  expect(name).toBe('orchestration-logs');
});

test.each(['<a>\n</b>', '<a>', '</a>', 'alone'])('%j is no configuration', (text) => {
  expect(() => parse(text)).toThrow();
});
