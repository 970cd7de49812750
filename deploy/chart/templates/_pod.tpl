{{/* The pods of one stage, under `template:`. */}}
{{- define "pipeline.pod" -}}
{{- $root := .root -}}
{{- $stage := include "pipeline.stage" . | fromYaml -}}
metadata:
  labels:
    {{- include "pipeline.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .stage }}
    {{- with $stage.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: {{ .stage }}
    {{- if not $root.Values.secrets.existingSecret }}
    checksum/secrets: {{ toJson $root.Values.secrets.values | sha256sum }}
    {{- end }}
    {{- with $root.Values.topicsFile }}
    checksum/topics-file: {{ sha256sum . }}
    {{- end }}
    {{- with $stage.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "pipeline.fullname" $root }}-{{ .stage }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add (ceil $root.Values.drainSeconds) 22 }}
  securityContext:
    {{- toYaml $root.Values.podSecurityContext | nindent 4 }}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $stage.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $stage.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $stage.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $stage.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $stage.spreadOver }}
  topologySpreadConstraints:
    {{- range . }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: {{ $stage.whenUnsatisfiable }}
      labelSelector:
        matchLabels:
          {{- include "pipeline.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ $.stage }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .stage }}
      image: {{ include "pipeline.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [run, {{ .stage }}]
      securityContext:
        {{- toYaml $root.Values.containerSecurityContext | nindent 8 }}
      env:
        {{- include "pipeline.settings" (dict "root" $root "part" .stage) | nindent 8 }}
        {{- include "pipeline.secrets" (dict "part" .stage "secret" (include "pipeline.secretName" $root) "kafkaSecret" $stage.kafkaSecret) | trim | nindent 8 }}
        {{- with $stage.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - {name: health, containerPort: 8081}
        {{- if eq .stage "api" }}
        - {name: http, containerPort: 8080}
        {{- end }}
      # The port opens when Kafka answers, and a process waits for that as long as it takes: an hour
      # here, so that pods are not started again and again while the brokers are away.
      startupProbe:
        httpGet: {path: /healthz, port: health}
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: 1800
      livenessProbe:
        httpGet: {path: /healthz, port: health}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        httpGet: {path: /readyz, port: health}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 2
      {{- if eq .stage "api" }}
      # Until every proxy has heard that this pod is leaving. The other stages need none: nobody
      # sends them anything, and SIGTERM ends their work in order.
      lifecycle:
        preStop:
          sleep: {seconds: 5}
      {{- end }}
      resources:
        {{- toYaml $stage.resources | nindent 8 }}
      volumeMounts:
        {{- include "pipeline.volumeMounts" $root | nindent 8 }}
        {{- with $stage.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    {{- include "pipeline.volumes" (dict "root" $root "topicsFile" (printf "%s-topics" (include "pipeline.fullname" $root))) | nindent 4 }}
    {{- with $stage.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "pipeline.volumeMounts" -}}
- {name: work, mountPath: /var/lib/pipeline}
- {name: tmp, mountPath: /tmp}
{{- if .Values.topicsFile }}
- {name: topics-file, mountPath: /etc/pipeline, readOnly: true}
{{- end }}
{{- end -}}

{{/* Nothing of a pod is kept: all state is in Kafka and PostgreSQL. */}}
{{- define "pipeline.volumes" -}}
- name: work
  emptyDir: {sizeLimit: 64Mi}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if .root.Values.topicsFile }}
- name: topics-file
  configMap: {name: {{ .topicsFile }}}
{{- end }}
{{- end -}}
